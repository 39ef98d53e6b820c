"""Separate a set of mixtures by one model and score every estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given


def main(
    settings: Annotated[str, typer.Option(help="JSON file: the set, the model and how it is run")],
    separator: Annotated[Path, typer.Option(help="record of the separator")],
    texts: Annotated[list[Path], typer.Option(help="table of vectors: of queries, of classes, repeat")],
    output: Annotated[Path, typer.Option(help="record to write; a row per sample goes beside it (JSONL)")],
    sounds: Annotated[Path, typer.Option(help="JSON file of some samples' audio to write")],
    work: Annotated[Path, typer.Option(help="folder for the rows of an interrupted job")],
    adapter: Annotated[list[Path] | None, typer.Option(help="record of an adapter, repeat to merge")] = None,
    partition: Annotated[Path | None, typer.Option(help="partition of the classes")] = None,
    index: Annotated[list[Path] | None, typer.Option(help="index of a test shard, repeat")] = None,
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Write the scores."""
    from earmark.systems.separation.asked import Scores
    from earmark.systems.separation.jobs import scores

    scores.make(
        Scores.read(given(settings), "--settings"),
        separator,
        adapter or [],
        partition,
        texts,
        index or [],
        output,
        sounds,
        work,
        code,
        threads,
    )


if __name__ == "__main__":
    cli.run(main)
