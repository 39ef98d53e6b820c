"""Paired comparison of two systems that answered the same samples.

Two accuracies with overlapping intervals can still differ for sure, because both systems meet the
same easy and hard samples. What counts is where they disagree, so both statistics here look at the
pairs: ``gained`` samples that only ours got right, ``lost`` samples that only theirs got right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from earmark.core.files import Json
from earmark.scoring.intervals import Z, quantile


@dataclass(frozen=True)
class Difference:
    """A metric of ours minus theirs, its interval, and the chance of so much by luck."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int

    def row(self) -> Json:
        """Return it as the columns of the summary."""
        ends = {"low": self.low, "high": self.high, "interval": "paired"}
        return {"value": self.difference, **ends, "n": self.n, "p_value": self.p_value}


@dataclass(frozen=True)
class Comparison(Difference):
    """Accuracy of ours minus theirs, and where they disagree."""

    gained: int
    lost: int


def compare(ours: Sequence[bool], theirs: Sequence[bool]) -> Comparison:
    """Compare two systems sample by sample; ``ours[i]`` and ``theirs[i]`` are the same sample.

    The difference is ``(gained - lost) / n``, its interval Tango's, see :func:`tango`, the p-value
    McNemar's, see :func:`mcnemar`.

    Raises:
        ValueError: no samples, or not the same number on both sides.

    """
    a, b = np.asarray(ours, dtype=bool), np.asarray(theirs, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"two equally long, non-empty rows are needed, not {a.shape} and {b.shape}")
    n, gained, lost = a.size, int(np.sum(a & ~b)), int(np.sum(b & ~a))
    low, high = tango(gained, lost, n)
    return Comparison((gained - lost) / n, low, high, mcnemar(gained, lost), n, gained, lost)


def compare_rates(
    ours: Sequence[int],
    theirs: Sequence[int],
    lengths: Sequence[int],
    generator: np.random.Generator,
    *,
    draws: int = 10_000,
) -> Difference:
    """Compare two systems' errors on the same utterances of ``lengths[i]`` words or characters.

    The difference is that of the corpus error rates, so above 0 ours is worse; its interval is that of
    :func:`interval`. The p-value is of an approximate randomisation test: which system made an utterance's
    errors is drawn by lot (Noreen 1989).

    Raises:
        ValueError: no utterances, no words, or not the same number of each.

    """
    gap = np.asarray(ours, dtype=np.int64) - np.asarray(theirs, dtype=np.int64)
    weight = np.asarray(lengths, dtype=np.int64)
    if gap.shape != weight.shape or gap.ndim != 1 or not gap.size or not weight.sum():
        raise ValueError("two equally long, non-empty rows of errors and their words are needed")
    extreme = 0
    for size in _chunks(draws, gap.size):
        signs = generator.integers(2, size=(size, gap.size)) * 2 - 1
        extreme += int((np.abs((signs * gap).sum(-1)) >= abs(gap.sum())).sum())
    low, high = interval(gap, weight, quantile(gap.size) if gap.size > 1 else Z, np.inf)
    difference, p_value = float(gap.sum() / weight.sum()), (extreme + 1) / (draws + 1)
    return Difference(difference, low, high, p_value, int(gap.size))


def _chunks(total: int, width: int) -> Iterator[int]:
    """Yield parts of ``total`` rows that hold some million numbers each."""
    most = max(1, 4_000_000 // width)
    while total > 0:
        yield min(most, total)
        total -= most


def tango(gained: int, lost: int, n: int) -> tuple[float, float]:
    """Return Tango's score interval of ``(gained - lost) / n`` (Statistics in Medicine 17, 1998).

    It holds the differences D whose own standard error, with the likeliest shares that have this D, sets
    them at most 1.96 of it apart from the one found. So pairs that agree throughout, or that all fall on one
    side, claim no certainty.
    """

    def holds(apart: float) -> bool:
        b = (2 * n - gained + lost) * apart - gained - lost
        share = (sqrt(max(0.0, b * b + 8 * n * lost * apart * (1 - apart))) - b) / (4 * n)
        variance = n * (2 * share + apart * (1 - apart))
        return (gained - lost - n * apart) ** 2 <= Z * Z * max(variance, 0.0)

    found = (gained - lost) / n
    low, high = (_farthest(holds, found, end) for end in (-1.0, 1.0))
    return low, high


def _farthest(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the value between both, ends included, up to which something holds, by bisection."""
    if holds(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def interval(
    gap: NDArray[np.number], weight: NDArray[np.number], z: float, most: float
) -> tuple[float, float]:
    """Return the interval of ``sum(gap) / sum(weight)`` over pairs, at most ``most`` either way.

    Two pairs are added first, one for either side, that differ as much as pairs do that differ, as Bonett
    and Price (J. Educ. Behav. Stat. 37, 2012) do for shares. So a few pairs that agree, or that all fall on
    one side, claim no certainty.
    """
    apart = np.abs(gap[gap != 0])
    mean = weight.mean()
    added = apart.mean() if len(apart) else mean
    gaps, weights = np.r_[gap, added, -added], np.r_[weight, mean, mean]
    middle = gaps.sum() / weights.sum()
    half = z * float(np.linalg.norm(gaps - middle * weights)) / weights.sum()
    return float(max(middle - half, -most)), float(min(middle + half, most))


def mcnemar(gained: int, lost: int) -> float:
    """Return the p-value of McNemar's exact test (McNemar, Psychometrika 12, 1947).

    If neither system is better, each of the ``d = gained + lost`` samples they disagree on is as
    likely to fall on either side:
    ``p = min(1, 2 * sum(C(d, i), i = 0..min(gained, lost)) / 2**d)``.
    """
    from scipy.special import bdtr  # slow to import, and this is read when the workflow is parsed

    disagreements = gained + lost
    return min(1.0, 2 * float(bdtr(min(gained, lost), disagreements, 0.5))) if disagreements else 1.0
