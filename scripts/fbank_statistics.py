"""Compute the statistics of the training clips' features: from the indexes of all shards to JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.tagging.asked import StatisticsJob
from earmark.systems.tagging.mel_statistics import statistics, write


def main(
    settings: Annotated[str, typer.Option(help="JSON file: the task's tagging, as far as it matters here")],
    output: Annotated[Path, typer.Option(help="statistics to write (JSON)")],
    index: Annotated[list[Path] | None, typer.Option(help="index of a shard of spectrograms")] = None,
    seed: int = 0,
) -> None:
    """Compute mean and deviation per fold, or write down those that are given."""
    tagging = StatisticsJob.read(given(settings), "--settings")
    made = {} if tagging.statistics else statistics(index or [], tagging, seed)
    write(output, tagging, made)


if __name__ == "__main__":
    cli.run(main)
