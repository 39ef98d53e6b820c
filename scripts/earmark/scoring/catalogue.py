"""The metrics there are: the files of ``scoring/metrics/``, and the words for every number in a summary.

A metric is reached by name, so that an edit of one makes the results of no other stale.
"""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from pathlib import Path

from earmark.core.errors import UserError, nearest
from earmark.scoring.contract import AnswerMetric, Measure, Metric

LIBRARY = Path(__file__).parents[1]


@cache
def names() -> tuple[str, ...]:
    """Return the name of every metric, in order: those of ``metrics/`` here, and those that systems bring."""
    files = (LIBRARY / "scoring/metrics").glob("*.py")
    return tuple(sorted({path.stem for path in files if path.stem != "__init__"} | _of_systems().keys()))


@cache
def _of_systems() -> dict[str, str]:
    """Return the system of every metric that is a file of ``systems/<system>/metrics/``."""
    files = LIBRARY.glob("systems/*/metrics/*.py")
    return {path.stem: path.parents[1].name for path in files if path.stem != "__init__"}


@cache
def load(name: str) -> Metric:
    """Return a metric by its file's name; raises UserError with the nearest name."""
    if name not in names():
        raise UserError(f"unknown metric '{name}'; {nearest(name, names())}")
    if name in _of_systems():
        module = importlib.import_module(f"earmark.systems.{_of_systems()[name]}.metrics.{name}")
    else:
        module = importlib.import_module(f"earmark.scoring.metrics.{name}")
    found = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Metric) and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise UserError(f"{module.__file__} defines {len(found)} metrics; a file defines one class of Metric")
    return found[0]()


@cache
def of_answers(name: str) -> AnswerMetric:
    """Return a metric that a task may name; raises UserError with the nearest name."""
    metric = load(name) if name in names() else None
    if not isinstance(metric, AnswerMetric):
        known = [each for each in names() if isinstance(load(each), AnswerMetric)]
        raise UserError(f"unknown metric '{name}'; {nearest(name, known)}")
    return metric


@cache
def _measures() -> dict[str, Measure]:
    return {each.name: each for name in names() for each in load(name).measures}


def measure(name: str) -> Measure:
    """Return what is known of a number by its name in the summary; of an unknown one, the name in words."""
    plain = name.replace("_", " ")
    return _measures().get(name) or Measure(name, plain, plain)


@cache
def headlines() -> dict[str, Metric]:
    """Return the metric behind each number that stands for a result.

    Accuracy comes first: it is the headline wherever a result has it.
    """
    found = {load(name).measures[0].name: load(name) for name in reversed(names())}
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != "accuracy", pair[0])))
