"""Run a trained student over the test clips of its fold: from spectrograms to logits and a row per clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.given import given
from earmark.systems.tagging import predict, predictions
from earmark.systems.tagging.asked import PredictionJob
from earmark.systems.tagging.classes import Classes


def main(
    student: Annotated[Path, typer.Option(help="folder of the trained student")],
    index: Annotated[list[Path], typer.Option(help="index of spectrograms (Parquet), repeat")],
    fbank: Annotated[list[Path], typer.Option(help="spectrograms (safetensors), in the same order, repeat")],
    classes: Annotated[Path, typer.Option(help="the task's classes")],
    statistics: Annotated[Path, typer.Option(help="the task's statistics")],
    settings: Annotated[str, typer.Option(help="JSON file: task, tagging, fold, r and how to run")],
    output: Annotated[Path, typer.Option(help="record to write (JSON); logits and rows go beside it")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    threads: int = 1,
) -> None:
    """Predict the classes of every test clip, tokens merged as asked."""
    asked, listed = PredictionJob.read(given(settings), "--settings"), Classes.read(classes)
    found = predict.run(student, index, fbank, listed, statistics, asked, code, threads)
    predictions.write(output, found)
    tokens = ", ".join(map(str, found.record.merging.tokens))
    print(f"{len(found.scored)} of {len(found.rows)} clips, tokens by layer: {tokens}")


if __name__ == "__main__":
    cli.run(main)
