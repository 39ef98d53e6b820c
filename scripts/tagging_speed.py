"""Time a student at one merging schedule: from its settings to a speed record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.systems.tagging import speed_job


def main(
    classes: Annotated[Path, typer.Option(help="the task's classes (JSON)")],
    settings: Annotated[
        str,
        typer.Option(help="JSON file: task, frames, student, r, schedules, batches, repeats, device"),
    ],
    output: Annotated[Path, typer.Option(help="speed record to write (JSON)")],
    work: Annotated[Path, typer.Option(help="folder where other schedules' records wait for their jobs")],
    also: Annotated[
        str, typer.Option(help="JSON file: the student's schedules that are asked for in this run")
    ] = speed_job.ALONE,
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
    threads: int = 1,
) -> None:
    """Measure the student at its schedule, unmerged, and unmerged with strides 16/16, side by side."""
    speed_job.run(settings, also, classes, output, work, code, again, threads)


if __name__ == "__main__":
    cli.run(main)
