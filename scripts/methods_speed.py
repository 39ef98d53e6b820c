"""Time the prefill of every method of the grid beside the unpruned one, from encoder states to a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.models.checkpoint import Checkpoint
from earmark.systems.pruning import speeds
from earmark.systems.pruning.asked import Speeds
from earmark.systems.pruning.heard import source


def main(
    index: Annotated[
        list[Path],
        typer.Option(help="indexes (Parquet) of the split's states or tars, in the same order, repeat"),
    ],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON file: cell, methods, ratios, audio_s, prompts")],
    output: Annotated[Path, typer.Option(help="the record to write (JSON)")],
    features: Annotated[
        list[Path] | None, typer.Option(help="stored encoder states of the split (safetensors), repeat")
    ] = None,
    tar: Annotated[
        list[Path] | None, typer.Option(help="or packed clips, to be encoded here, repeat")
    ] = None,
    encoder: Annotated[Path | None, typer.Option(help="for tars: record of the encoder's checkpoint")] = None,
    encoding: Annotated[str, typer.Option(help="for tars: JSON file of the encoding's settings")] = "",
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Time every method at every ratio, pair by pair."""
    asked = Speeds.read(given(settings), "--settings")
    heard = source(index, features or [], tar or [], encoder, encoding)
    write_json(output, speeds.run(asked, heard, Checkpoint.read(checkpoint), code, threads).plain())


if __name__ == "__main__":
    cli.run(main)
