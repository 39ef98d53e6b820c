"""Look for tokens of massive activation in a composed model, from a split's encoder states to a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.systems.pruning import massive
from earmark.systems.pruning.asked import Massive


def main(
    features: Annotated[list[Path], typer.Option(help="encoder states of the split (safetensors), repeat")],
    index: Annotated[list[Path], typer.Option(help="their indexes (Parquet), in the same order, repeat")],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON: task, layers, ratio, clips, ...")],
    output: Annotated[Path, typer.Option(help="the record to write (JSON)")],
    threads: int = 1,
) -> None:
    """Count massive tokens layer by layer, and ask with and without sparing them."""
    asked = Massive.read(given(settings), "--settings")
    write_json(output, massive.run(asked, features, index, checkpoint, threads))


if __name__ == "__main__":
    cli.run(main)
