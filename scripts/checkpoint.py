"""Resolve a model's checkpoint: from a hub id or a local folder to a record of files and hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.models import hub
from earmark.models.checkpoint import describe_folder


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: hub and revision, path or random_weights; unread")
    ],
    output: Annotated[Path, typer.Option(help="record of the checkpoint to write")],
) -> None:
    """Fetch or check a checkpoint and record what it is."""
    origin = given(settings)
    unread = tuple(origin.pop("unread"))
    if "hub" in origin:
        folder, origin = hub.fetch(origin["hub"], origin["revision"], unread=unread)
    elif "path" in origin:
        folder = hub.local(origin["path"])
    else:
        from earmark.models import tiny

        folder, wanted = output.parent, origin["random_weights"]
        tiny.build(["x"], ["What is heard?"], tiny.Sizes(**wanted["sizes"]), wanted["seed"]).save(folder)
    write_json(output, describe_folder(folder, origin, output.parent, unread))


if __name__ == "__main__":
    cli.run(main)
