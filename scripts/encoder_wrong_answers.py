"""Collect wrong answers of encoders with short audible excerpts of what they were given to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders.asked import WrongAnswersJob
from earmark.systems.encoders.report import wrong


def main(
    settings: Annotated[str, typer.Option(help="JSON file: report, and the shards of each result")],
    output: Annotated[Path, typer.Option(help="the wrong answers, Parquet")],
) -> None:
    """Collect wrong answers with their sound."""
    asked = WrongAnswersJob.read(given(settings), "--settings")
    rows = wrong.collect([Path(path) for path in asked.shards], asked.shards, asked.report)
    wrong.write(rows, output)
    print(f"{len(rows)} wrong answers, {sum(row['audio'] is not None for row in rows)} of them with sound")


if __name__ == "__main__":
    cli.run(main)
