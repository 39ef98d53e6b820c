"""Time a student at one merging schedule: from its settings to a speed record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices, provenance
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.merging.schedule import Schedule
from earmark.systems.tagging import speed


def main(
    classes: Annotated[Path, typer.Option(help="the task's classes (JSON)")],
    settings: Annotated[
        str,
        typer.Option(help="JSON file: task, frames, student, r, schedules, batches, repeats, device"),
    ],
    output: Annotated[Path, typer.Option(help="speed record to write (JSON)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
    threads: int = 1,
) -> None:
    """Measure the student at its schedule, unmerged, and unmerged with strides 16/16, side by side."""
    chosen = given(settings)
    device = devices.prepare(chosen["device"], threads)
    number = len(json.loads(classes.read_text())["classes"])
    schedule = Schedule.parse(chosen["r"], chosen["schedules"])
    record = speed.record(chosen, number, schedule, device, threads)
    made = provenance.repeatable(provenance.record(code) | {"config": chosen}, again)
    write_json(output, record | {"provenance": made})


if __name__ == "__main__":
    cli.run(main)
