"""Group a task's classes by how they sound: from shards to domains and a manifest for each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given


def main(
    settings: Annotated[str, typer.Option(help="JSON file: the task and how it is partitioned")],
    index: Annotated[list[Path], typer.Option(help="index of a training shard, repeat")],
    manifest: Annotated[
        list[Path], typer.Option(help="manifest of a domain to write, named like it, repeat")
    ],
    output: Annotated[Path, typer.Option(help="partition to write (JSON)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Write the partition."""
    from earmark.systems.separation.asked import Partition
    from earmark.systems.separation.jobs import domains

    manifests = {path.stem: path for path in manifest}
    chosen = Partition.read(given(settings), "--settings")
    domains.make(chosen, index, output, manifests, code, threads)


if __name__ == "__main__":
    cli.run(main)
