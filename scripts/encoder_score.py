"""Score the answers to a data set: from what was said and what is right to metrics with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.encoders import result
from earmark.systems.encoders.asked import ScoreJob


def main(
    answers: Annotated[Path, typer.Option(help="record of the answers, which lie beside (JSONL)")],
    settings: Annotated[str, typer.Option(help="JSON file: metric, labels, seed and what was asked")],
    output: Annotated[Path, typer.Option(help="result to write (JSON); its rows lie beside")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
) -> None:
    """Write the result."""
    asked = ScoreJob.read(given(settings), "--settings")
    result.run(asked, answers, output, code, again)


if __name__ == "__main__":
    cli.run(main)
