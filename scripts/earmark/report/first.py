"""The first screen of the page: what came out in a sentence, and tables that lay settings side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, hypot, log
from typing import NamedTuple

from earmark.report.words import LEVEL

STEPS = (0.02, 0.1)
"""Differences, as shares, from which a cell's colour is stronger."""


@dataclass(frozen=True)
class Entry:
    """A cell of a pivot: a value with its interval, and how it stands to others."""

    text: str
    interval: str = ""
    best: bool = False
    """Whether it is the best of its column, or cannot be told from it."""
    gain: float | None = None
    """How much better than the base it is, as a share; None where no difference is shown."""
    result: str = ""
    """The file it was read from; empty where it is of several."""
    hover: str = ""

    @property
    def tone(self) -> str:
        """Return the class of its colour: ``up1`` to ``up3``, ``down1`` to ``down3``, or none."""
        if not self.gain:
            return ""
        strength = 1 + sum(abs(self.gain) >= step for step in STEPS)
        return f"{'up' if self.gain > 0 else 'down'}{strength}"


@dataclass
class View:
    """One table of a pivot: what its switches are set to, and its cells by line and column."""

    choice: dict[str, str]
    columns: Sequence[str]
    lines: list[tuple[str, list[Entry | None]]]
    labels: str = ""
    """``demo``, ``synthetic`` ... where they hold, comma-separated; a table on paper has to say so."""


@dataclass
class Pivot:
    """Settings against each other, a table for every setting of the switches; the first is shown first."""

    title: str
    corner: str
    """What the lines are."""
    across: str
    """What the columns are."""
    views: list[View]
    notes: list[str] = field(default_factory=list)

    @property
    def switches(self) -> dict[str, list[str]]:
        """Return what there is to choose from, by switch, in the order of the views."""
        found: dict[str, dict[str, None]] = {}
        for view in self.views:
            for name, value in view.choice.items():
                found.setdefault(name, {})[value] = None
        return {name: list(values) for name, values in found.items()}


@dataclass
class Answer:
    """What a system has to say first."""

    sentences: list[str]
    pivots: list[Pivot] = field(default_factory=list)


class Times(NamedTuple):
    """So many times, with an interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2g} times [{self.low:.2g}, {self.high:.2g}]"

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low > 1 or self.high < 1


def times(above: Sequence[Times], below: Sequence[Times]) -> Times:
    """Return the geometric mean of quotients, ``above[i]`` over ``below[i]``.

    The ends of each number are those of its own interval; on a logarithmic scale the halves of independent
    intervals add up in squares.
    """
    n = len(above)
    middle = sum(log(a.value / b.value) for a, b in zip(above, below, strict=True)) / n
    down = hypot(*(log(each.value / each.low) for each in above), *(log(b.high / b.value) for b in below)) / n
    up = hypot(*(log(each.high / each.value) for each in above), *(log(b.value / b.low) for b in below)) / n
    return Times(exp(middle), exp(middle - down), exp(middle + up))


def shown(p_value: float | None) -> bool:
    """Whether a corrected p-value shows a difference."""
    return p_value is not None and p_value < LEVEL


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: ``a, b and c``."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
