"""Every reduced run compared with the unpruned one on the samples both answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from earmark.core.seeding import generator
from earmark.report import files
from earmark.report.known import Known
from earmark.report.remembered import Remembered
from earmark.scoring import catalogue
from earmark.scoring.contract import AnswerMetric
from earmark.scoring.multiple import correct
from earmark.systems.pruning.report.results import Answers, Result

DIFFERENCE = "difference_to_base"
Row = dict[str, Any]


def rows(known: Sequence[Known], memory: Remembered) -> list[Row]:
    """Return a row for each run that can be compared with an unpruned one, corrected base by base."""
    known = [each for each in known if "comparable" in each.about]
    bases: dict[str, Known] = {}
    for each in known:
        if each.about["is_base"]:
            bases.setdefault(each.about["comparable"], each)
    made: list[Row] = []
    for key, base in sorted(bases.items()):
        answers: list[Answers] = []  # of the base, read when the first comparison needs them
        family = []
        for each in known:
            if each.about["comparable"] != key or each.about["is_base"]:
                continue
            names = [str(each.path), each.digest, each.samples, str(base.path), base.digest, base.samples]
            found = memory.get(["pair", *names], partial(_compared, each, base, answers))
            if found is not None:
                family.append(each.compared(found))
        correct(family)
        made += family
    return made


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


def _compared(each: Known, base: Known, answers: list[Answers]) -> Row | None:
    if not answers:
        answers.append(answers_of(base.path))
    metric = catalogue.of_answers(each.about["metric"])
    return difference(each.rows[0], metric, answers_of(each.path), answers[0])


def answers_of(path: Path) -> Answers:
    """Return what each scored sample of a result adds to its headline."""
    return Result(str(path), files.read(path, "result")).answers()
