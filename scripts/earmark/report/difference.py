"""Every reduced run compared with the unpruned one on the samples both answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from earmark.core.seeding import generator
from earmark.report.columns import DIFFERENCE
from earmark.report.results import Answers
from earmark.scoring.multiple import holm
from earmark.scoring.paired import Comparison, RateComparison, compare, compare_rates

Row = dict[str, Any]


def difference(shared: Mapping[str, Any], headline: str, ours: Answers, base: Answers) -> Row | None:
    """Return what sets a result apart from its base, or None if they share no sample.

    The difference is that of accuracies (above 0 is better) or of word error rates (above 0 is worse).
    ``shared`` are the columns of the result's rows, which name it and hold its seed.
    """
    both = sorted(ours.keys() & base.keys(), key=str)
    if not both:
        return None
    budget = shared["keep_ratio"] or shared["keep_tokens"]
    names = (shared["task"], shared["model"], shared["method"], str(budget))
    drawn = generator(shared["seed"], "paired difference", *names)
    pairs = [ours[key][0] for key in both], [base[key][0] for key in both]
    found: Comparison | RateComparison
    if headline == "wer":
        found = compare_rates(*pairs, [ours[key][1] for key in both], drawn)
    else:
        found = compare([bool(hit) for hit in pairs[0]], [bool(hit) for hit in pairs[1]], drawn)
    return {
        "metric": DIFFERENCE,
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "interval": "paired bootstrap",
        "n": found.n,
        "p_value": found.p_value,
    }


def correct(family: Iterable[Row]) -> None:
    """Correct the p-values of all comparisons with one base for their number, in place."""
    rows = list(family)
    for row, p_value in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_adjusted"], row["comparisons"] = p_value, len(rows)
