"""Every reduced run compared with the unpruned one on the samples both answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from earmark.core.seeding import generator
from earmark.report.columns import DIFFERENCE
from earmark.report.results import Answers
from earmark.scoring.contract import AnswerMetric
from earmark.scoring.multiple import holm

Row = dict[str, Any]


def difference(shared: Mapping[str, Any], metric: AnswerMetric, ours: Answers, base: Answers) -> Row | None:
    """Return what sets a result apart from its base, or None if they share no sample.

    It is that of the metric's headline. ``shared`` are the columns of the result's rows, which name it and
    hold its seed.
    """
    both = sorted(ours.keys() & base.keys(), key=str)
    if not both:
        return None
    budget = shared["keep_ratio"] or shared["keep_tokens"]
    names = (shared["task"], shared["model"], shared["method"], str(budget))
    drawn = generator(shared["seed"], "paired difference", *names)
    found = metric.compare([ours[key] for key in both], [base[key] for key in both], drawn)
    return {"metric": DIFFERENCE, **found}


def correct(family: Iterable[Row]) -> None:
    """Correct the p-values of all comparisons with one base for their number, in place."""
    rows = list(family)
    for row, p_value in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_adjusted"], row["comparisons"] = p_value, len(rows)
