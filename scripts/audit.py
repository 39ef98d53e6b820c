"""Audit a data set: from indexes and fingerprints to a record and a page; audio is read to compare it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.data.audit import job, page
from earmark.data.audit.request import Request


def main(
    task: Annotated[str, typer.Option(help="name of the task")],
    folder: Annotated[Path, typer.Option(help="folder of the task's data: shards, fingerprints")],
    shards: Annotated[str, typer.Option(help="JSON file: split -> number of shards")],
    settings: Annotated[str, typer.Option(help="JSON file: title, labels, models")],
    output: Annotated[Path, typer.Option(help="record to write (JSON)")],
    page_path: Annotated[Path, typer.Option("--page", help="page to write (HTML)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "",
) -> None:
    """Audit a data set from its indexes and fingerprints."""
    record = job.audit(task, folder, given(shards), Request.parse(given(settings)), code)
    page.write(record, page_path)
    write_json(output, record)
    print(job.summary(record), flush=True)


if __name__ == "__main__":
    cli.run(main)
