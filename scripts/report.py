"""Draw all results on one HTML page that needs no network.

From the summary table (summarize.py) and the files it names, and files that systems ask for besides
results (the wrong answers, say), to one self-contained file: charts, tables to sort and filter, provenance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.report import page


def main(
    summary: Annotated[Path, typer.Option(help="the summary table, Parquet")],
    output: Annotated[Path, typer.Option(help="the page")],
    file: Annotated[list[Path] | None, typer.Option(help="a file that a system's part is drawn from")] = None,
) -> None:
    """Draw all results on one HTML page."""
    page.write(summary, file or [], output)


if __name__ == "__main__":
    cli.run(main)
