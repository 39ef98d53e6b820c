"""Encode one shard of an encoder's data: from a tar of clips to their features, each made once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders import extract
from earmark.systems.encoders.asked import FeaturesJob


def main(
    shard: Annotated[Path, typer.Option(help="tar of clips, each beside a JSON file")],
    settings: Annotated[str, typer.Option(help="JSON file: tower, form, device")],
    output: Annotated[Path, typer.Option(help="features to write (safetensors); their index lies beside")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="record of the encoder's checkpoint, where it has one")
    ] = None,
    threads: int = 1,
) -> None:
    """Run the encoder over every clip of a shard."""
    asked = FeaturesJob.read(given(settings), "--settings")
    extract.run(asked, shard, checkpoint, output.parent, output.stem, threads)


if __name__ == "__main__":
    cli.run(main)
