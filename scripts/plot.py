"""Draw one plot of the page as files of its own: SVG, PNG, PDF.

From the list that exports.py makes; the ends of the files' names say as what.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import replacing
from earmark.report import drawing, exports


def main(
    name: Annotated[str, typer.Option(help="the plot")],
    listed: Annotated[Path, typer.Option("--exports", help="the list of plots, JSON lines")],
    output: Annotated[list[Path], typer.Option(help="a file that ends in .svg, .png or .pdf")],
) -> None:
    """Draw one plot."""
    specification = exports.read(listed, "plot", name)
    for path in output:
        with replacing(path) as partial:
            partial.write_bytes(drawing.drawn(specification, path.suffix.removeprefix(".")))


if __name__ == "__main__":
    cli.run(main)
