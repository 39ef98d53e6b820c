"""Hear what may be copies: from packed shards to a file of their clips' fingerprints, for the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.allocator import keep_freed_memory
from earmark.data.audit import hearing, prints


def main(
    shards: Annotated[list[Path], typer.Argument(help="tars to read")],
    output: Annotated[Path, typer.Option(help="file to write (Parquet)")],
) -> None:
    """Write the fingerprint of every clip of some shards."""
    keep_freed_memory()
    prints.write(hearing.heard(shards), output)


if __name__ == "__main__":
    cli.run(main)
