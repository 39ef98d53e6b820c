"""List every plot and table of the page with what each is drawn from.

From the summary table and the files it names to JSON lines, which plot.py and table.py read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.report import exported, exports, page, pictures, summary
from earmark.report.material import Material


def main(
    table: Annotated[Path, typer.Option("--summary", help="the summary table, Parquet")],
    output: Annotated[Path, typer.Option(help="the list, JSON lines")],
) -> None:
    """List every plot and table of the page."""
    content = summary.load(table)
    plots = (
        (name, pictures.standalone(figure, section))
        for section in page.all_sections(Material(content))
        for name, figure in pictures.names(section)
    )
    tables = ((name, exported.plain(each)) for name, each in page.all_tables(content))
    print(f"{exports.write(plots, tables, output)} plots and tables in {output}")


if __name__ == "__main__":
    cli.run(main)
