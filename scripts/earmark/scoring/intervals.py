"""95 % intervals: Wilson's for a share, the percentile bootstrap for anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def wilson(successes: int, n: int) -> tuple[float | None, float | None]:
    """Return Wilson's interval (JASA 22, 1927) of ``successes`` out of ``n``; (None, None) for n = 0."""
    if n == 0:
        return None, None
    share, spread = successes / n, Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return 0.0 if successes == 0 else middle - half, 1.0 if successes == n else middle + half


def share(hits: Sequence[bool]) -> dict[str, Any]:
    """Return the share of hits as a metric with Wilson's interval."""
    n, found = len(hits), sum(hits)
    low, high = wilson(found, n)
    return {"value": found / n if n else None, "low": low, "high": high, "n": n, "interval": "wilson"}


def bootstrap_indices(n: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Return [resamples, n] sample indices drawn with replacement, a function of the seed alone."""
    return np.random.default_rng(seed).integers(0, n, size=(resamples, n))


Statistic = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def metric(statistic: Statistic, n: int, resamples: int, seed: int) -> dict[str, Any]:
    """Return a statistic of n samples as a metric with its bootstrap interval.

    Resampling equal values would claim certainty from any number of samples. So where all samples agree on
    0 or 1 (all right, all wrong, no word mistaken) the interval is Wilson's of a share of so many, which
    is what accuracy has there; a single sample with anything between has none.
    """
    value = float(statistic(np.arange(n))) if n else None
    low, high = bootstrap(statistic, n, resamples, seed)
    found = {"value": value, "low": low, "high": high, "n": n, "interval": "bootstrap"}
    if value is not None and low == high == value:
        if value in (0.0, 1.0):
            low, high = wilson(round(value * n), n)
            found |= {"low": low, "high": high, "interval": "wilson"}
        elif n == 1:
            found |= {"low": None, "high": None}
    return found


def bootstrap(statistic: Statistic, n: int, resamples: int, seed: int) -> tuple[float | None, float | None]:
    """Return the percentile interval of a statistic over resampled indices.

    ``statistic`` maps [resamples, n] indices to [resamples] values (Efron & Tibshirani 1993, ch. 13).
    """
    if n == 0:
        return None, None
    values = statistic(bootstrap_indices(n, resamples, seed))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
