"""Embed the labels of a task, or the queries of a benchmark, once each: from texts to a table of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given


def main(
    settings: Annotated[
        str, typer.Option(help="JSON file: the text encoder, and the benchmark if it is one")
    ],
    output: Annotated[Path, typer.Option(help="table to write (safetensors)")],
    index: Annotated[list[Path] | None, typer.Option(help="index of a shard of the task, repeat")] = None,
    wheel: Annotated[list[Path] | None, typer.Option(help="wheel with the encoder, repeat")] = None,
    threads: int = 1,
) -> None:
    """Write the table."""
    from earmark.systems.separation.asked import Texts
    from earmark.systems.separation.jobs import texts

    texts.make(Texts.read(given(settings), "--settings"), index or [], wheel or [], output, threads)


if __name__ == "__main__":
    cli.run(main)
