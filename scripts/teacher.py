"""Make a teacher ready for a task: find, check or train its weights, and record what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices, provenance
from earmark.core.files import exclusive, write_json
from earmark.core.given import given
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.teachers import contract
from earmark.systems.tagging.teachers.asked import TeacherJob
from earmark.systems.tagging.teachers.classes import order


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: name, kind, options, task, frames, classes, seed")
    ],
    classes: Annotated[Path, typer.Option(help="the task's classes")],
    output: Annotated[
        Path, typer.Option(help="record of the teacher to write; trained weights go beside it")
    ],
    work: Annotated[Path, typer.Option(help="folder for the state an interrupted training continues from")],
    shard: Annotated[list[Path] | None, typer.Option(help="tar of training clips, repeat")] = None,
    index: Annotated[list[Path] | None, typer.Option(help="index of each tar, repeat")] = None,
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Make the teacher, then record it."""
    devices.prepare("cpu", threads)
    asked = TeacherJob.read(given(settings), "--settings")
    output.parent.mkdir(parents=True, exist_ok=True)
    making = contract.Making(asked, Classes.read(classes), shard or [], index or [], output.parent, work)
    with exclusive(work):
        made = contract.module(asked.kind).make(making)
    content = contract.describe(making, made, order(made.classes, making.classes.names, making.where))
    write_json(output, {**content, "provenance": provenance.record(code)})


if __name__ == "__main__":
    cli.run(main)
