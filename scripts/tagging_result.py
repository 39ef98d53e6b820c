"""Score the predictions of every fold and seed of a recipe at one r: a result record and a row per clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.files import replacing, write_json
from earmark.core.given import given
from earmark.core.jsonl import write_jsonl
from earmark.systems.tagging import predictions, result, result_inputs
from earmark.systems.tagging.asked import ResultJob
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.result_inputs import Trained


def main(
    prediction: Annotated[list[Path], typer.Option(help="record of a run's predictions, repeat")],
    student: Annotated[list[Path], typer.Option(help="record of its student, in the same order, repeat")],
    speed: Annotated[Path, typer.Option(help="speed record of the student at this r")],
    classes: Annotated[Path, typer.Option(help="the task's classes")],
    settings: Annotated[str, typer.Option(help="JSON file: task, recipe, student, r and how to score")],
    output: Annotated[Path, typer.Option(help="result to write (JSON); rows and resamples go beside it")],
    code: Annotated[str, typer.Option(help="digest of the code, for the record")] = "by hand",
    again: Annotated[str, typer.Option(help="JSON file: what makes this result again, for the record")] = "",
) -> None:
    """Score what students said of the test clips."""
    asked, listed = ResultJob.read(given(settings), "--settings"), Classes.read(classes)
    found = [predictions.read(path) for path in prediction]
    predictions.check_classes(found, listed.names)
    inputs = result.Inputs(
        found,
        [Trained.read(path) for path in student],
        result_inputs.speed(speed),
        listed.names,
    )
    content, resampled = result.record(asked, inputs, code, str(output), again)
    write_jsonl(output.with_suffix(".jsonl"), result.clip_rows(inputs))
    with replacing(output.with_name(content["pairing"]["resamples"])) as partial:
        resampled.to_parquet(partial, index=False)
    write_json(output, content)
    print(result.one_line(content))


if __name__ == "__main__":
    cli.run(main)
