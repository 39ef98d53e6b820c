"""Make a result again: from a result's own record to a new one in a folder of its own, and a comparison.

Config, seeds and revisions come from the record; everything before the result (data, weights, encoder
states) is made again too. Exit status 0 if both are the same or equal within rounding, 1 if they differ.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.reproduction import job
from earmark.reproduction.compare import DIFFERS


def main(
    result: Annotated[Path, typer.Option(help="the result to make again (JSON), its rows (JSONL) beside it")],
    folder: Annotated[
        Path | None, typer.Option(help="where; by default below build/reproduce/, one folder per result")
    ] = None,
    cores: Annotated[str, typer.Option(help="cores for Snakemake, a number or all")] = "all",
    options: Annotated[str, typer.Option(help="more options for Snakemake, in one word")] = "",
) -> None:
    """Make a result again and compare."""
    if job.reproduce(result, folder, cores, shlex.split(options)) == DIFFERS:
        sys.exit(1)


if __name__ == "__main__":
    cli.run(main)
