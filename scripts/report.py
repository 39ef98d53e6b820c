"""Draw all results on one HTML page that needs no network.

From the summary table (summarize.py), the results it was made from, the timing files and the records
of linear probes (probe.py), to one self-contained file: charts, a table to sort and filter, wrong
answers, provenance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark import cli
from earmark.report import page


def main(
    summary: Annotated[Path, typer.Option(help="the summary table, Parquet")],
    output: Annotated[Path, typer.Option(help="the page")],
    result: Annotated[list[Path] | None, typer.Option(help="a result in that table; repeat for all")] = None,
    timing: Annotated[list[Path] | None, typer.Option(help="a timing file; repeat for more")] = None,
    probe: Annotated[list[Path] | None, typer.Option(help="a probe's record; repeat for more")] = None,
) -> None:
    """Draw all results on one HTML page."""
    page.write(summary, result or [], timing or [], probe or [], output)


if __name__ == "__main__":
    cli.run(main)
