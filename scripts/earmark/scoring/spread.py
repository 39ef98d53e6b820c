"""Seconds of many samples in three numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(seconds: Sequence[float]) -> dict[str, float | int] | None:
    """Return median, 95th percentile and sum of per-sample seconds; None where there are none."""
    if not seconds:
        return None
    values = np.asarray(seconds)
    return {
        "median_s": float(np.median(values)),
        "p95_s": float(np.percentile(values, 95)),
        "total_s": float(values.sum()),
        "n": len(values),
    }
