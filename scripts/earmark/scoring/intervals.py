"""95 % intervals that hold near 0 and 1 as elsewhere: score intervals, Wilson's and what follows from it.

A score interval holds every true value that is not too far from the one found, measured by the standard
error that *the true value* would have. So 160 right answers of 160 do not claim certainty, and 159 of 160
do not claim more than 160 of 160. Of a share that is Wilson's interval (JASA 22, 1927). Of any other
statistic between 0 and 1 it is Wilson's with the number of independent answers that the statistic's standard
error stands for (the effective sample size of Korn and Graubard, Survey Methodology 24, 1998), and of a rate
that can exceed 1 the same with the variance of counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, sqrt
from statistics import NormalDist
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
Ends = tuple[float, float]
Statistic = Callable[[NDArray[np.int64]], NDArray[np.float64]]


class Estimate(TypedDict):
    """A metric as results hold it: its value, its 95 % interval, of how many samples, and whose interval."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    interval: str


def wilson(successes: int, n: int) -> tuple[float | None, float | None]:
    """Return Wilson's interval of ``successes`` out of ``n``; (None, None) for n = 0."""
    return _wilson(successes / n, n, Z) if n else (None, None)


def share(hits: Sequence[bool]) -> Estimate:
    """Return the share of hits as a metric with Wilson's interval."""
    n, found = len(hits), sum(hits)
    low, high = wilson(found, n)
    return {"value": found / n if n else None, "low": low, "high": high, "n": n, "interval": "wilson"}


def bounded(value: float | None, error: float, n: int) -> Estimate:
    """Return a statistic between 0 and 1 of n samples as a metric with its score interval.

    ``error`` is its standard error. Where all samples agree there is none to be seen, and n itself is the
    sample size. A single sample that is neither all right nor all wrong has no interval.

    Raises:
        ValueError: the value or its error is not a finite number.

    """
    return _metric(value, error, n, _wilson, lambda v: v * (1 - v))


def rate(value: float | None, error: float, n: int) -> Estimate:
    """Return a rate of 0 or more of n samples as a metric with its score interval; else as ``bounded``."""
    return _metric(value, error, n, _counted, lambda v: v)


def ratio(parts: ArrayLike, wholes: ArrayLike, kind: Callable[..., Estimate] = rate) -> Estimate:
    """Return ``sum(parts) / sum(wholes)`` over n samples as a metric: ``rate`` or ``bounded``.

    The standard error is that of a ratio of sums (Cochran, Sampling Techniques, 1977, ch. 6), so samples may
    differ in size and errors may come together in some of them.
    """
    part, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    n, total = len(part), float(whole.sum())
    if not n:
        return kind(None, 0.0, 0)
    value = float(part.sum()) / max(total, 1.0)
    left = part - value * whole
    error = sqrt(n / (n - 1) * float(left @ left)) / max(total, 1.0) if n > 1 else 0.0
    return kind(value, error, n)


def metric(statistic: Statistic, n: int, resamples: int, seed: int) -> Estimate:
    """Return a statistic between 0 and 1 of n samples as a metric; its standard error is the bootstrap's.

    ``statistic`` maps [..., n] indices of samples to [...] values (Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, ch. 6).
    """
    if not n:
        return bounded(None, 0.0, 0)
    value = float(statistic(np.arange(n)))
    return bounded(value, standard_error(statistic(bootstrap_indices(n, resamples, seed)), n), n)


def bootstrap_indices(n: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Return [resamples, n] sample indices drawn with replacement, a function of the seed alone."""
    return np.random.default_rng(seed).integers(0, n, size=(resamples, n))


def standard_error(resampled: NDArray[np.float64], n: int) -> float:
    """Return the standard error from a statistic's values in resamples of n samples; 0 where there is none.

    Resamples vary by ``(n - 1) / n`` too little. Values that are no numbers are left out: a class may be
    missing from a resample.
    """
    known = resampled[np.isfinite(resampled)]
    if n < 2 or not len(known):
        return 0.0
    # Rounded, so that sums in another order are the same number.
    return float(np.round(known, 12).std()) * sqrt(n / (n - 1))


def quantile(n: int) -> float:
    """Return Student's quantile for an error that n samples estimated; the error itself is uncertain too."""
    from scipy.special import stdtrit  # slow to import, and this is read when the workflow is parsed

    return float(stdtrit(n - 1, (1 + LEVEL) / 2))


def _metric(
    value: float | None,
    error: float,
    n: int,
    ends: Callable[[float, float, float], Ends],
    variance: Callable[[float], float],
) -> Estimate:
    """Return a metric whose interval is that of ``variance(value) / error ** 2`` independent samples."""
    found: Estimate = {"value": value, "low": None, "high": None, "n": n, "interval": "score"}
    if value is None:
        return found
    if not (isfinite(value) and isfinite(error)):
        raise ValueError(f"{value} with a standard error of {error} is no metric")
    if error > 0 and variance(value) > 0:
        found["low"], found["high"] = ends(value, variance(value) / error**2, quantile(n))
    elif value in (0.0, 1.0):
        found["low"], found["high"] = _wilson(value, n, Z)
    elif n > 1:
        found["low"], found["high"] = ends(value, n, Z)
    return found


def _wilson(value: float, size: float, z: float) -> Ends:
    """Return the values p with ``(value - p) ** 2 <= z ** 2 * p * (1 - p) / size``."""
    spread = z * z / size
    middle = (value + spread / 2) / (1 + spread)
    half = sqrt(spread * (max(0.0, value * (1 - value)) + spread / 4)) / (1 + spread)
    return 0.0 if value == 0 else middle - half, 1.0 if value == 1 else middle + half


def _counted(value: float, size: float, z: float) -> Ends:
    """Return the values r with ``(value - r) ** 2 <= z ** 2 * r / size``."""
    spread = z * z / size / 2
    half = sqrt(spread * (spread + 2 * value))
    return value + spread - half, value + spread + half
