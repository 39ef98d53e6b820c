"""Fetch one shard's items: from the wanted list to the manifest of what was fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earmark.config.packing import Kept
from earmark.core import cli
from earmark.core.given import given
from earmark.data.fetch.job import fetch
from earmark.data.fetch.network import Network


def main(
    recordings: Annotated[Path, typer.Option(help="manifest of wanted recordings")],
    split: Annotated[str, typer.Option(help="train or test")],
    shard: Annotated[int, typer.Option(help="number of this shard, from 0")],
    of: Annotated[int, typer.Option(help="number of shards")],
    settings: Annotated[str, typer.Option(help="JSON file: sample_rate, channels, max_pending_share")],
    network: Annotated[str, typer.Option(envvar="EARMARK_NETWORK", help="JSON: config's fetch")],
    cache: Annotated[Path, typer.Option(help="folder of the task's kept clips, ledgers and progress")],
    output: Annotated[Path, typer.Option(help="manifest of what was fetched (Parquet)")],
) -> None:
    """Fetch what is still missing of one shard, then list it."""
    reach = Network(**json.loads(network))
    fetch(recordings, split, (shard, of), Kept.read(given(settings), "--settings"), reach, cache, output)


if __name__ == "__main__":
    cli.run(main)
