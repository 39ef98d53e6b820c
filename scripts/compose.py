"""Train a composed model: from stored encoder states to a projector and, if wanted, an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.config.compose import Composing
from earmark.core import cli
from earmark.core.given import given
from earmark.training import composing


def main(
    features: Annotated[list[Path], typer.Option(help="encoder states to train on (safetensors), repeat")],
    index: Annotated[list[Path], typer.Option(help="their indexes (Parquet), in the same order, repeat")],
    encoder: Annotated[Path, typer.Option(help="record of the encoder's checkpoint")],
    decoder: Annotated[Path, typer.Option(help="record of the decoder's checkpoint")],
    settings: Annotated[str, typer.Option(help="JSON: projector, lora, tasks and how to train")],
    output: Annotated[
        Path, typer.Option(help="record of the checkpoint to write; what is trained lies beside")
    ],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training continues from")],
    threads: int = 1,
) -> None:
    """Train, then record the checkpoint with its parts."""
    chosen = Composing.read(given(settings), "--settings")
    composing.run(chosen, features, index, encoder, decoder, output, work, threads)


if __name__ == "__main__":
    cli.run(main)
