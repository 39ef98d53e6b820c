"""Compute a teacher's logits of one shard: from a tar and a teacher to rows and their index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices
from earmark.core.errors import UserError
from earmark.core.given import given
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.teachers import contract
from earmark.systems.tagging.teachers.asked import LogitsJob
from earmark.systems.tagging.teachers.job import Shard


def main(
    shard: Annotated[Path, typer.Option(help="tar of clips")],
    index: Annotated[Path, typer.Option(help="index of the tar")],
    teacher: Annotated[Path, typer.Option(help="record of the teacher")],
    classes: Annotated[Path, typer.Option(help="the task's classes")],
    settings: Annotated[
        str, typer.Option(help="JSON file: name, kind, storage, batch, options, device, source")
    ],
    output: Annotated[Path, typer.Option(help="logits to write (safetensors); the index goes beside them")],
    work: Annotated[Path, typer.Option(help="folder for the rows an interrupted job continues from")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Run a teacher over a shard."""
    asked = LogitsJob.read(given(settings), "--settings")
    device = devices.prepare(asked.device, threads)
    record, wanted = contract.Record.read(teacher), Classes.read(classes)
    if record.classes_digest != wanted.digest:
        raise UserError(f"{teacher} was made for other classes than {classes}; delete it to make it again")
    metadata = {
        "teacher": asked.name,
        "digest": record.digest,
        "origin": json.dumps(record.origin, sort_keys=True),
        "classes_digest": wanted.digest,
        "storage": asked.storage,
        "front_end": json.dumps(record.front_end, sort_keys=True),
        "sample_rate": str(record.sample_rate),
        "upsample": str(asked.upsample).lower(),
        "labels": ",".join(asked.labels),
        "source": asked.source,
        "device": devices.describe(device),
        "code": code,
    }
    made = contract.module(asked.kind).load(record, device)
    Shard(made, record, asked, metadata).run(shard, index, output, work)


if __name__ == "__main__":
    cli.run(main)
