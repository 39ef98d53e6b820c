"""Paired comparison of two systems that answered the same samples.

Two accuracies with overlapping intervals can still differ for sure, because both systems meet the
same easy and hard samples. What counts is where they disagree, so both statistics here look at the
pairs: ``gained`` samples that only ours got right, ``lost`` samples that only theirs got right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import bdtr


@dataclass(frozen=True)
class Difference:
    """A metric of ours minus theirs, its interval, and the chance of so much by luck."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int

    def row(self) -> dict[str, Any]:
        """Return it as the columns of the summary."""
        ends = {"low": self.low, "high": self.high, "interval": "paired bootstrap"}
        return {"value": self.difference, **ends, "n": self.n, "p_value": self.p_value}


@dataclass(frozen=True)
class Comparison(Difference):
    """Accuracy of ours minus theirs, and where they disagree."""

    gained: int
    lost: int


def compare(
    ours: Sequence[bool],
    theirs: Sequence[bool],
    generator: np.random.Generator,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two systems sample by sample; ``ours[i]`` and ``theirs[i]`` are the same sample.

    The difference is ``(gained - lost) / n``. Its interval is the percentile bootstrap over samples
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), see
    :func:`bootstrap_interval`; the p-value is McNemar's, see :func:`mcnemar`.

    Raises:
        ValueError: no samples, or not the same number on both sides.

    """
    a, b = np.asarray(ours, dtype=bool), np.asarray(theirs, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"two equally long, non-empty rows are needed, not {a.shape} and {b.shape}")
    n, gained, lost = a.size, int(np.sum(a & ~b)), int(np.sum(b & ~a))
    low, high = bootstrap_interval(gained, lost, n, generator, resamples, confidence)
    return Comparison((gained - lost) / n, low, high, mcnemar(gained, lost), n, gained, lost)


def compare_rates(
    ours: Sequence[int],
    theirs: Sequence[int],
    words: Sequence[int],
    generator: np.random.Generator,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Difference:
    """Compare two systems' errors on the same utterances of ``words[i]`` words.

    The difference is that of the corpus error rates, so above 0 ours is worse. Its interval is the
    percentile bootstrap over utterances (Bisani and Ney, ICASSP 2004). The p-value is of an approximate
    randomisation test: which system made an utterance's errors is drawn by lot (Noreen 1989).

    Raises:
        ValueError: no utterances, no words, or not the same number of each.

    """
    gap = np.asarray(ours, dtype=np.int64) - np.asarray(theirs, dtype=np.int64)
    weight = np.asarray(words, dtype=np.int64)
    if gap.shape != weight.shape or gap.ndim != 1 or not gap.size or not weight.sum():
        raise ValueError("two equally long, non-empty rows of errors and their words are needed")
    difference, tail = gap.sum() / weight.sum(), (1 - confidence) / 2
    drawn, extreme = [], 0
    for size in _chunks(resamples, gap.size):
        index = generator.integers(gap.size, size=(size, gap.size))
        drawn.append(gap[index].sum(-1) / np.maximum(weight[index].sum(-1), 1))
        signs = generator.integers(2, size=(size, gap.size)) * 2 - 1
        extreme += int((np.abs((signs * gap).sum(-1)) >= abs(gap.sum())).sum())
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    p_value = (extreme + 1) / (resamples + 1)
    return Difference(float(difference), float(low), float(high), p_value, int(gap.size))


def _chunks(total: int, width: int) -> Iterator[int]:
    """Yield parts of ``total`` rows that hold some million numbers each."""
    most = max(1, 4_000_000 // width)
    while total > 0:
        yield min(most, total)
        total -= most


def bootstrap_interval(
    gained: int,
    lost: int,
    n: int,
    generator: np.random.Generator,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of ``(gained - lost) / n``.

    A pair's difference is +1, -1 or 0. Drawing n pairs with replacement and counting each kind is
    one multinomial draw with the observed shares, so all resamples are drawn at once and exactly,
    whatever n is. With no disagreement at all the interval has no width: it then says that nothing
    was seen, not that nothing can happen.
    """
    shares = np.array([gained, lost, n - gained - lost]) / n
    drawn = generator.multinomial(n, shares, size=resamples)
    differences = (drawn[:, 0] - drawn[:, 1]) / n
    tail = (1 - confidence) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return float(low), float(high)


def mcnemar(gained: int, lost: int) -> float:
    """Return the p-value of McNemar's exact test (McNemar, Psychometrika 12, 1947).

    If neither system is better, each of the ``d = gained + lost`` samples they disagree on is as
    likely to fall on either side:
    ``p = min(1, 2 * sum(C(d, i), i = 0..min(gained, lost)) / 2**d)``.
    """
    disagreements = gained + lost
    return min(1.0, 2 * float(bdtr(min(gained, lost), disagreements, 0.5))) if disagreements else 1.0
