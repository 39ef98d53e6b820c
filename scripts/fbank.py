"""Compute one shard's spectrograms: from a tar of 16 kHz clips to tensors and their index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from earmark.core import cli
from earmark.systems.tagging import spectrograms


def main(
    shard: Annotated[Path, typer.Option(help="tar of clips at 16 kHz")],
    index: Annotated[Path, typer.Option(help="its index (Parquet)")],
    frames: Annotated[int, typer.Option(min=1, help="longer spectrograms are cut to so many frames")],
    output: Annotated[Path, typer.Option(help="spectrograms to write (safetensors)")],
    output_index: Annotated[Path, typer.Option(help="their index to write (Parquet)")],
    threads: int = 1,
) -> None:
    """Compute the log-mel spectrograms of a shard."""
    torch.set_num_threads(threads)
    spectrograms.write(shard, index, frames, output, output_index)


if __name__ == "__main__":
    cli.run(main)
