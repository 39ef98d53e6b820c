"""Draw all results on one HTML page that needs no network.

From the summary table (summarize.py) and the files it names, and the table of wrong answers
(wrong_answers.py), to one self-contained file: charts, tables to sort and filter, wrong answers to
listen to, provenance.
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
    answers: Annotated[Path | None, typer.Option(help="the table of wrong answers, Parquet")] = None,
) -> None:
    """Draw all results on one HTML page."""
    page.write(summary, answers, output)


if __name__ == "__main__":
    cli.run(main)
