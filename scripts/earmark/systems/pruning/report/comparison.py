"""Every reduced run compared with the unpruned one on the samples both answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from earmark.core.seeding import generator
from earmark.report.known import Known
from earmark.report.remembered import Remembered
from earmark.scoring import catalogue
from earmark.scoring.contract import AnswerMetric
from earmark.scoring.multiple import correct
from earmark.systems.contract import Row
from earmark.systems.pruning.report.answered import Reader
from earmark.systems.pruning.report.results import Answers

DIFFERENCE = "difference_to_base"


def rows(known: Sequence[Known], memory: Remembered, reader: Reader) -> list[Row]:
    """Return a row for each run that can be compared with an unpruned one, corrected base by base."""
    bases: dict[str, Known] = {}
    reduced: dict[str, list[Known]] = {}
    for each in known:
        if "comparable" not in each.about:
            continue
        if each.about["is_base"]:
            bases.setdefault(each.about["comparable"], each)
        else:
            reduced.setdefault(each.about["comparable"], []).append(each)
    made: list[Row] = []
    for key, base in sorted(bases.items()):
        family = []
        for each in reduced.get(key, []):
            names = [str(each.path), each.digest, each.samples, str(base.path), base.digest, base.samples]
            found = memory.get(["pair", *names], partial(compared, each, base, reader, DIFFERENCE))
            if found is not None:
                family.append(each.compared(found))
        correct(family)
        made += family
    return made


def compared(each: Known, other: Known, reader: Reader, metric: str) -> Row | None:
    """Return how a result's headline differs from another's, as a row of that ``metric``.

    None if they share no sample.
    """
    scored = catalogue.of_answers(each.about["metric"])
    found = difference(each.rows[0], scored, reader.read(each).answers(), reader.read(other).answers())
    return None if found is None else found | {"metric": metric}


def difference(shared: Mapping[str, Any], metric: AnswerMetric, ours: Answers, theirs: Answers) -> Row | None:
    """Return what sets the headline of a result apart from another's, None if they share no sample.

    ``shared`` are the columns of the result's rows, which name it and hold its seed; both answers are sorted
    alike.
    """
    both = [key for key in ours if key in theirs]
    if not both:
        return None
    budget = shared["keep_ratio"] or shared["keep_tokens"]
    names = (shared["task"], shared["model"], shared["method"], str(budget))
    drawn = generator(shared["seed"], "paired difference", *names)
    return metric.compare([ours[key] for key in both], [theirs[key] for key in both], drawn)
