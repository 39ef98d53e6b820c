"""Write what the page shows as files for papers: tables as Markdown and LaTeX, plots as SVG, PNG and PDF.

From the summary table and the files it names to a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from earmark import cli
from earmark.report import exported, page, pictures, summary


def main(
    what: Annotated[Literal["tables", "plots"], typer.Argument(help="what to write")],
    table: Annotated[Path, typer.Option("--summary", help="the summary table, Parquet")],
    output: Annotated[Path, typer.Option(help="the folder")],
) -> None:
    """Write the page's tables or plots as files."""
    content = summary.load(table)
    output.mkdir(parents=True, exist_ok=True)
    if what == "tables":
        number = exported.write(page.all_tables(content), output)
    else:
        number = pictures.write(page.all_sections(content), output)
    print(f"{number} {what} in {output}")


if __name__ == "__main__":
    cli.run(main)
