"""Collect a data set's recordings: from its source to a manifest with one row per recording."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from earmark import cli
from earmark.records import Clip, Tally, write_manifest


def main(
    settings: Annotated[str, typer.Option(help="JSON: the task's data.source")],
    output: Annotated[Path, typer.Option(help="manifest of recordings to write (Parquet)")],
    seed: int = 0,
    max_failed_share: Annotated[float, typer.Option(help="share of recordings that may fail")] = 0.0,
    threads: int = 1,
) -> None:
    """Collect recordings from the source and list them."""
    source = json.loads(settings)
    folder = output.parent / "source"
    module = importlib.import_module(f"earmark.sources.{source['kind']}")
    tally = Tally()

    def recordings() -> Iterator[Clip]:
        yield from tally.watch(module.collect(source, folder, seed, threads))
        # Within the writing, so that too many failures leave no manifest.
        tally.check(max_failed_share, str(output))

    write_manifest(output, recordings())


if __name__ == "__main__":
    cli.run(main)
