"""Write one table of the page as files of its own: Markdown, LaTeX.

From the list that exports.py makes; the ends of the files' names say as what. A table that a phone shows in
part has these columns alone, unless --columns says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import replacing
from earmark.report import exported, exports, paper


def main(
    name: Annotated[str, typer.Option(help="the table")],
    listed: Annotated[Path, typer.Option("--exports", help="the list of tables, JSON lines")],
    output: Annotated[list[Path], typer.Option(help="a file that ends in .md or .tex")],
    columns: Annotated[
        list[str] | None, typer.Option(help="a column, repeated in the order wanted; all: every one")
    ] = None,
) -> None:
    """Write one table."""
    table = paper.chosen(exported.restored(exports.read(listed, "table", name)), columns or [])
    for path in output:
        with replacing(path) as partial:
            partial.write_text(exported.latex(table) if path.suffix == ".tex" else exported.markdown(table))


if __name__ == "__main__":
    cli.run(main)
