"""Calibrate HeadRouter for a composed model, from the encoder states of training clips to a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.systems.pruning import heads
from earmark.systems.pruning.asked import Heads


def main(
    features: Annotated[list[Path], typer.Option(help="states of training clips (safetensors), repeat")],
    index: Annotated[list[Path], typer.Option(help="their indexes (Parquet), in the same order, repeat")],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON: the two tasks, layer, ratio, clips, ...")],
    output: Annotated[Path, typer.Option(help="the profile to write (JSON)")],
    threads: int = 1,
) -> None:
    """Weigh each head by how well the model answers with the tokens that it alone would keep."""
    asked = Heads.read(given(settings), "--settings")
    write_json(output, heads.run(asked, features, index, checkpoint, threads))


if __name__ == "__main__":
    cli.run(main)
