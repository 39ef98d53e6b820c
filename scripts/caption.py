"""Describe the clips of a split: from encoder states and a checkpoint to one line of JSON a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.embeddings import caption
from earmark.systems.embeddings.asked import CaptionJob


def main(
    features: Annotated[list[Path], typer.Option(help="encoder states of the split (safetensors), repeat")],
    index: Annotated[list[Path], typer.Option(help="their indexes (Parquet), in the same order, repeat")],
    checkpoint: Annotated[Path, typer.Option(help="record of the checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON file: model, task, caption, seed, device")],
    output: Annotated[Path, typer.Option(help="rows to write (JSONL); states of tokens go beside it")],
    work: Annotated[Path, typer.Option(help="folder for rows in progress")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Write a description of every clip, greedy or sampled."""
    asked = CaptionJob.read(given(settings), "--settings")
    caption.run(asked, features, index, checkpoint, output, work, code, threads)


if __name__ == "__main__":
    cli.run(main)
