"""Paired comparison of two systems that answered the same samples.

Two accuracies with overlapping intervals can still differ for sure, because both systems meet the
same easy and hard samples. What counts is where they disagree, so both statistics here look at the
pairs: ``gained`` samples that only ours got right, ``lost`` samples that only theirs got right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest


@dataclass(frozen=True)
class Comparison:
    """Accuracy of ours minus theirs, its interval, and the chance of so much by luck."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int
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
    return float(binomtest(gained, disagreements, 0.5).pvalue) if disagreements else 1.0
