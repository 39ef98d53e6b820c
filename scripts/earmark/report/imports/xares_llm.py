"""Score tables of XARES-LLM, ``experiments/<run>/<encoder>/scores.tsv`` or ``score_<task>.yaml``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

import yaml

from earmark.config.common import Import
from earmark.systems.contract import Row

NAME = "XARES-LLM"
OVERALL = "Overall"
PREFIX = "eval_"
"""How the program's presets begin the names of tasks in what they write."""

METRICS = {
    "fsd50k": "map_hard_labels",
    "fsdkaggle2018": "map_hard_labels",
    "aishell-1": "icer",
    "librispeech": "iwer",
    "clotho": "fense",
    "songdescriber": "fense",
    "mecat": "date",
}
"""What a task's score is, by the presets of the program; of all others it is accuracy."""

NOTES = {
    "icer": "1 - character error rate, at least 0",
    "iwer": "1 - word error rate, at least 0: higher is better",
    "map_hard_labels": "average precision of yes/no answers, not of scores",
    "mean_score": "mean of the rows by weight, whatever their metrics",
}


def rows(path: Path, block: Import) -> Iterator[Row]:
    """Yield a row per score.

    The program writes no number of samples, no interval, no seed and no device: all stay empty.

    Raises:
        ValueError: the table has other columns, or a score is no number.

    """
    for task, score in _scores(path):
        key = task.lower().removeprefix(PREFIX)
        metric = "mean_score" if task == OVERALL else METRICS.get(key, "accuracy")
        yield {
            "labels": "imported",
            "task": block.task or ("all" if task == OVERALL else key),
            "model": block.model or path.parent.name,
            "imported_as": path.parent.parent.name.removesuffix("_config") or None,
            "metric": metric,
            "value": score if isfinite(score) else None,
            "device": block.device,
            "note": NOTES.get(metric) if isfinite(score) else f"the file says {score}",
        }


def _scores(path: Path) -> Iterator[tuple[str, float]]:
    if path.suffix == ".yaml":
        yield path.stem.removeprefix("score_"), float(yaml.safe_load(path.read_text())["score"])
        return
    with path.open(newline="") as stream:
        table = csv.DictReader(stream, delimiter="\t")
        if not {"Task", "score"} <= set(table.fieldnames or []):
            raise ValueError(f"columns {table.fieldnames}, not Task, score, weight")
        for row in table:
            if row["score"] is None:
                raise ValueError(f"torn: line {table.line_num} has no score")
            yield row["Task"], float(row["score"])
