"""Draw one plot of the page as files of its own: SVG, PNG, PDF.

From the list that exports.py makes; the ends of the files' names say as what: `-column.pdf` is as wide as a
column of a paper, `-page.pdf` as wide as both, others are as on the screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import replacing
from earmark.report import drawing, exports, sized


def main(
    name: Annotated[str, typer.Option(help="the plot")],
    listed: Annotated[Path, typer.Option("--exports", help="the list of plots, JSON lines")],
    output: Annotated[list[Path], typer.Option(help="a file that ends in .svg, .png or .pdf")],
    column_mm: Annotated[float, typer.Option(help="width of one that ends in -column, millimetres")] = 85,
    page_mm: Annotated[float, typer.Option(help="width of one that ends in -page, millimetres")] = 175,
) -> None:
    """Draw one plot."""
    whole = exports.read(listed, "plot", name)
    widths = dict(zip(sized.SIZES, (column_mm, page_mm), strict=True))
    for path in output:
        width = widths.get(path.stem.rpartition("-")[2])
        specification = whole if width is None else sized.sized(whole, width)
        with replacing(path) as partial:
            partial.write_bytes(drawing.drawn(specification, path.suffix.removeprefix(".")))


if __name__ == "__main__":
    cli.run(main)
