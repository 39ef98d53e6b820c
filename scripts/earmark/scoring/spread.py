"""Seconds of many samples in a few numbers, with the interval of their median."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earmark.scoring.intervals import LEVEL


def spread(seconds: Sequence[float], rows: Sequence[int] | None = None) -> dict[str, float | int] | None:
    """Return median with its interval, 95th percentile and sum of per-sample seconds; None without samples.

    The interval is the one that resampling ends at with ever more resamples: the median of a resample is the
    k-th of the sorted samples with k binomially distributed (Efron, Annals of Statistics 7, 1979), so its
    ends are quantiles of the samples. ``rows`` are the sizes of the batches that samples were in: samples of
    a batch share its time, so what is resampled is as many as there were batches.
    """
    from scipy.special import bdtr  # slow to import, and not every start of a script needs it

    if not seconds:
        return None
    values = np.asarray(seconds)
    batches = len(values) if rows is None else max(1, round(float((1 / np.asarray(rows)).sum())))
    at_most = bdtr(np.arange(batches), batches, 0.5)
    below = int(np.searchsorted(at_most, (1 - LEVEL) / 2))
    low, high = np.quantile(values, [below / batches, 1 - below / batches])
    return {
        "median_s": float(np.median(values)),
        "low_s": float(low),
        "high_s": float(high),
        "p95_s": float(np.percentile(values, 95)),
        "total_s": float(values.sum()),
        "n": len(values),
    }
