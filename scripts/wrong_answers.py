"""Collect wrong answers with short audible excerpts of what they were given to.

From the summary table, the samples beside the results it names and the packed test shards that are on
disk, to one Parquet file that the page shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.config.common import Report
from earmark.core import cli
from earmark.core.given import given
from earmark.report import summary
from earmark.systems.pruning.report import wrong


def main(
    table: Annotated[Path, typer.Option("--summary", help="the summary table, Parquet")],
    settings: Annotated[str, typer.Option(help="config's report section (JSON file)")],
    output: Annotated[Path, typer.Option(help="the wrong answers, Parquet")],
    data: Annotated[Path, typer.Option(help="the folder of tasks' data")] = Path("data"),
    threads: int = 1,
) -> None:
    """Collect wrong answers with their sound."""
    rows = wrong.collect(summary.load(table), data, Report.read(given(settings), "--settings"), threads)
    wrong.write(rows, output)
    print(f"{len(rows)} wrong answers, {sum(row['audio'] is not None for row in rows)} of them with sound")


if __name__ == "__main__":
    cli.run(main)
