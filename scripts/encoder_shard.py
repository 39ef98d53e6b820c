"""Fetch one shard of an encoder's data, from the hub or an address, and check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders import fetch
from earmark.systems.encoders.asked import FetchJob


def main(
    settings: Annotated[str, typer.Option(help="JSON file: repo, revision, inside, address")],
    output: Annotated[Path, typer.Option(help="tar to write")],
) -> None:
    """Bring the shard to this machine."""
    fetch.run(FetchJob.read(given(settings), "--settings"), output)


if __name__ == "__main__":
    cli.run(main)
