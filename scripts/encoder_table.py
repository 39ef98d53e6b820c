"""Gather an encoder's scores on a suite: from results to the table that upstream writes, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders import table
from earmark.systems.encoders.asked import TableJob


def main(
    result: Annotated[list[Path], typer.Option(help="result of a data set (JSON), repeat")],
    settings: Annotated[str, typer.Option(help="JSON file: encoder, suite, weights")],
    tsv: Annotated[Path, typer.Option(help="table to write (TSV)")],
    output: Annotated[Path, typer.Option(help="the same with intervals (JSON)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
) -> None:
    """Write both tables."""
    asked = TableJob.read(given(settings), "--settings")
    table.run(asked, result, tsv, output, code, again)


if __name__ == "__main__":
    cli.run(main)
