"""Audio cut off where its loudest samples lie: what a clipped copy has in common with its original."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHARE = 0.3
"""Share of the samples that are cut off; docs/data_audit.md has figures."""


def limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples [samples] cut off where the loudest of them lie."""
    most = np.quantile(np.abs(samples), 1 - SHARE) if len(samples) else 0.0
    found: NDArray[np.float32] = np.clip(samples, -most, most).astype(np.float32)
    return found
