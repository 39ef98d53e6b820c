"""Derive a shard at a lower sample rate: from a tar and its index to another tar and index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.allocator import keep_freed_memory
from earmark.data.resample import resample


def main(
    shard: Annotated[Path, typer.Option(help="tar to read")],
    index: Annotated[Path, typer.Option(help="its index (Parquet)")],
    rate: Annotated[int, typer.Option(min=8000, help="Hz of the clips to write")],
    output: Annotated[Path, typer.Option(help="tar to write")],
    output_index: Annotated[Path, typer.Option(help="its index to write (Parquet)")],
) -> None:
    """Derive a shard at a lower sample rate."""
    keep_freed_memory()
    resample(shard, index, rate, output, output_index)


if __name__ == "__main__":
    cli.run(main)
