"""Check an encoder before any data is fetched: its contract, its cost, and the cure for what is wrong."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli, devices
from earmark.core.files import replacing, write_json
from earmark.core.given import given
from earmark.models.checkpoint import Checkpoint
from earmark.systems.encoders.asked import CheckJob
from earmark.systems.encoders.check.finding import page
from earmark.systems.encoders.check.run import checked


def main(
    settings: Annotated[str, typer.Option(help="JSON file: name, tower, device")],
    output: Annotated[Path, typer.Option(help="page to write (text)")],
    record: Annotated[Path, typer.Option(help="the same as JSON")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="record of the encoder's checkpoint, where it has one")
    ] = None,
    threads: int = 1,
) -> None:
    """Look at an encoder and say what there is to say."""
    asked = CheckJob.read(given(settings), "--settings")
    device = devices.prepare(asked.device, threads)
    weights = None if checkpoint is None else Checkpoint.read(checkpoint)
    findings = checked(asked.tower, weights, str(device))
    said = page(asked.name, findings)
    write_json(record, {"encoder": asked.name, "findings": [asdict(each) for each in findings]})
    with replacing(output) as partial:
        partial.write_text(said)
    print(said, end="")


if __name__ == "__main__":
    cli.run(main)
