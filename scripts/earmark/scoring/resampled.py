"""Comparison of two models from the values that a metric has in the same resamples of the same clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from earmark.scoring.intervals import Estimate, Z, quantile, standard_error
from earmark.scoring.paired import interval

RANKED = frozenset({"mAP", "mAUC"})
"""Metrics of the order of clips, whose resamples are biased."""

Values = NDArray[np.float64]


class Compared(Estimate):
    """A difference of a metric, and the chance of so much by luck."""

    p_value: float


class SeedSpread(TypedDict):
    """What trainings by several seeds gave, as columns of the summary."""

    seeds: int
    seed_min: float | None
    seed_max: float | None
    seed_sd: float | None


def difference(name: str, value: float, drawn: Values, n: int) -> Compared:
    """Return a metric's difference ``value`` on n clips with its interval and the chance of so much by luck.

    ``drawn`` are the differences in each resample: both models met the same clips in it.
    """
    error = standard_error(drawn, n)
    if error > 0:
        half = quantile(n) * error
        low, high = max(value - half, -1.0), min(value + half, 1.0)
    else:  # all clips agree, or differ alike
        low, high = interval(np.full(max(n, 1), value), np.ones(max(n, 1)), Z, 1.0)
    p_value = _p_value(moved(name, value, drawn))
    return {"value": value, "low": low, "high": high, "n": n, "interval": "paired", "p_value": p_value}


def moved(name: str, value: float, resampled: Values) -> Values:
    """Return the resamples of a metric, or of a difference of it, that are numbers, freed from their bias.

    Copies of a positive clip rank beside each other, so resampled average precision is too high: by little
    for a class, but always, and a mean over many classes varies less than that. So the resamples of such a
    metric are moved by what their mean is off the value. A share of clips has no such bias, and moving it
    would part it from 0 where hardly a clip differs.
    """
    known = resampled[np.isfinite(resampled)]
    if not len(known) or not np.isfinite(value):
        return np.empty(0)
    # Rounded, so that sums in another order are the same number.
    return np.round(known - known.mean() + value if name in RANKED else known, 12)


def _p_value(drawn: Values) -> float:
    """Return the two-sided p-value of no difference: how often resamples of it cross 0."""
    if not len(drawn):
        return 1.0
    rarer = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return float(min(1.0, 2 * (rarer + 1) / (len(drawn) + 1)))


def over_seeds(values: Sequence[float]) -> SeedSpread:
    """Return the spread of what trainings by several seeds gave, as columns of the summary."""
    found = np.array(values)
    return {
        "seeds": len(found),
        "seed_min": float(found.min()) if len(found) else None,
        "seed_max": float(found.max()) if len(found) else None,
        "seed_sd": float(found.std(ddof=1)) if len(found) > 1 else None,
    }


def over_folds(name: str, values: Sequence[tuple[float, int]]) -> float:
    """Return one value of a metric over folds, given as (value, clips): a share of clips is that of all."""
    weights = [clips for _, clips in values] if name not in RANKED else None
    return float(np.average([value for value, _ in values], weights=weights))
