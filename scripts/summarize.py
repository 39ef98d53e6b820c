"""Gather results into one long table: a row per result and metric.

From results/*.json of pruned evaluation (the samples, *.jsonl, lie beside them) and, optionally,
timing files, to one table as CSV and as Parquet. Every reduced run is also compared with the
unpruned one on the samples both answered: metric "difference_to_base".
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark import cli
from earmark.report import tables


def main(
    csv: Annotated[Path, typer.Option(help="the table as CSV")],
    parquet: Annotated[Path, typer.Option(help="the table as Parquet")],
    result: Annotated[
        list[Path] | None, typer.Option(help="a result of pruned evaluation; repeat for more")
    ] = None,
    timing: Annotated[list[Path] | None, typer.Option(help="a timing file; repeat for more")] = None,
) -> None:
    """Gather results and timings into one long table."""
    table = tables.summarize(tables.read_results(result or []), tables.read_timings(timing or []))
    tables.write_summary(table, csv, parquet)


if __name__ == "__main__":
    cli.run(main)
