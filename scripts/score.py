"""Score the answers of one cell: from what the model said to a result record and its per-sample rows."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.scoring import catalogue
from earmark.systems.pruning import result
from earmark.systems.pruning.asked import Scores


def main(
    answers: Annotated[Path, typer.Option(help="record of the answers (JSON); their rows lie beside it")],
    settings: Annotated[str, typer.Option(help="JSON file: task, run, labels")],
    output: Annotated[Path, typer.Option(help="result to write (JSON); rows go beside it (JSONL)")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
) -> None:
    """Read, judge and count what a model answered; no model is loaded."""
    asked = Scores.read(given(settings), "--settings")
    task = asked.task
    metric = catalogue.of_answers(task.metric)
    parser = importlib.import_module(f"earmark.scoring.parsers.{task.parser}")
    judge = result.judged_by(metric, parser.parse, task)
    result.score(answers, asked, metric, judge, output, code, again)


if __name__ == "__main__":
    cli.run(main)
