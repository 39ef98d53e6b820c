"""List the classes of a tagging task: from its clips' labels, or its source's list, to JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.core.progress import tqdm
from earmark.core.records import iter_manifest
from earmark.systems.tagging import classes
from earmark.systems.tagging.asked import ClassesJob


def main(
    clips: Annotated[Path, typer.Option(help="manifest of the clips, or of what is to be fetched")],
    task: Annotated[str, typer.Option(help="name of the task, for messages")],
    settings: Annotated[str, typer.Option(help="JSON file: the task's tagging: kind, classes, folds")],
    output: Annotated[Path, typer.Option(help="classes to write (JSON)")],
    listed: Annotated[Path | None, typer.Option(help="the source's own list of classes (CSV)")] = None,
) -> None:
    """List the classes of a task and check its labels."""
    rows = tqdm(iter_manifest(clips), desc="reading labels", unit="clip")
    classes.of_task(task, ClassesJob.read(given(settings), "--settings"), listed, rows).write(output)


if __name__ == "__main__":
    cli.run(main)
