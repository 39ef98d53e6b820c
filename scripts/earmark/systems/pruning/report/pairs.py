"""What every run said of every sample, as numbers small enough for a page: two of them lie side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from earmark.core.files import Json
from earmark.report.figures import Appendix, Row
from earmark.report.material import Material
from earmark.systems.pruning.report.point import COMPARABLE
from earmark.systems.pruning.report.results import Result, question
from earmark.systems.pruning.report.wrong import name_of, worded

MOST = 1_000_000
"""Characters there is room for on the page."""


def appendices(material: Material) -> Iterator[Appendix]:
    """Yield the samples of all sections that there is room for, if there are any with two runs."""
    same = itemgetter(*COMPARABLE)
    rows = sorted(material.of("pruning", "evaluation"), key=lambda row: tuple(map(str, same(row))))
    records = material.records("pruning", "evaluation")
    kept: list[str] = []
    left, beyond = MOST, 0
    for _, group in groupby(rows, key=same):
        members = list(group)
        if len(members) < 2:
            continue
        text = json.dumps(section(members, records), separators=(",", ":")) if left > 0 else ""
        left -= len(text)
        if text and left > 0:
            kept.append(text)
        else:
            beyond += 1
    values = {"sections": [json.loads(text) for text in kept], "beyond": beyond}
    template = Path(__file__).with_name("pairs.html")
    if kept:
        yield Appendix("pairs", "Two runs, sample by sample", template, values)


def section(rows: Sequence[Row], records: Json) -> Json:
    """Return the samples of runs that can be compared: texts once, by number wherever they come again."""
    words: dict[str, int] = {}
    samples: dict[tuple[Any, ...], int] = {}
    truths: list[int] = []

    def number(text: str) -> int:
        return words.setdefault(text, len(words))

    runs = []
    for row in rows:
        result = Result(row["result"], records[row["result"]])
        said, right = {}, {}
        for sample in result.samples():
            key = question(sample)
            if key not in samples:
                samples[key] = len(samples)
                truths.append(number(sample["truth"]))
            if sample["status"] == "scored":
                said[samples[key]] = number(_said(result, sample))
                right[samples[key]] = sample["correct"]
        runs.append(
            {"name": row["run"], "base": row["is_base"], "result": row["result"], "of": (said, right)}
        )
    there = range(len(samples))
    for run in runs:
        said, right = run.pop("of")
        run["said"] = [said.get(i, -1) for i in there]
        run["right"] = "".join("-" if i not in right else "1" if right[i] else "0" for i in there)
    return {
        "title": worded(name_of(rows[0])),
        "task": rows[0]["task"],
        "words": list(words),
        "clips": [key[0] for key in samples],
        "truth": truths,
        "runs": runs,
    }


def _said(result: Result, sample: Json) -> str:
    """Return what an answer was read as, or how far a transcript is off."""
    mistakes = result.metric.mistakes(sample)
    return mistakes if mistakes is not None else str(sample["predicted"] or "could not be read")
