"""All methods of the grid side by side: a table for people and programs, and a plot."""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import replacing
from earmark.core.given import given
from earmark.report import files
from earmark.report.drawing import drawn
from earmark.systems.pruning.asked import SideBySide
from earmark.systems.pruning.report import side_by_side as plots
from earmark.systems.pruning.side_by_side import Point, points
from earmark.systems.pruning.speed_record import SpeedRecord


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: results, timings, and under which name each model counts")
    ],
    table: Annotated[Path, typer.Option(help="the table, CSV")],
    plot: Annotated[Path, typer.Option(help="the plot, SVG")],
) -> None:
    """Compare what the grid's methods cost and what they keep."""
    asked = SideBySide.read(given(settings), "--settings")
    timed = [SpeedRecord.read(files.parsed(Path(path)), path) for path in asked.speeds]
    found = points([Path(path) for path in asked.results], asked.together, timed)
    with replacing(table) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Point)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(point) for point in found)
    with replacing(plot) as partial:
        partial.write_bytes(drawn(plots.chart(found), "svg"))
    tasks = {point.task for point in found}
    print(f"{len(found)} points on {len(tasks)} tasks: {table}, {plot}")


if __name__ == "__main__":
    cli.run(main)
