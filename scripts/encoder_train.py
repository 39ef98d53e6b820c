"""Train a language model to read an encoder: from stored features to a projector and an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders.asked import TrainingJob
from earmark.training.launch import in_processes


def main(
    features: Annotated[Path, typer.Option(help="folder of the training shards' features")],
    decoder: Annotated[Path, typer.Option(help="record of the language model's checkpoint")],
    settings: Annotated[
        str, typer.Option(help="JSON file: everything the training depends on but its files")
    ],
    output: Annotated[
        Path, typer.Option(help="record of the checkpoint to write; what is trained lies beside")
    ],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training continues from")],
    encoder: Annotated[
        Path | None, typer.Option(help="record of the encoder's checkpoint, where it has one")
    ] = None,
    processes: Annotated[int, typer.Option(help="processes that share each batch: one per GPU")] = 1,
    threads: Annotated[int, typer.Option(help="of all processes together")] = 1,
) -> None:
    """Train, going on from where an earlier run was interrupted."""
    asked = TrainingJob.read(given(settings), "--settings")
    in_processes(processes, device=asked.device)
    from earmark.systems.encoders import train

    train.run(asked, features, encoder, decoder, output, work, max(1, threads // processes))


if __name__ == "__main__":
    cli.run(main)
