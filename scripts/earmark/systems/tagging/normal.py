"""What spectrograms are normalised by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Normal:
    """Mean and deviation of the log-mel cells of a fold's training clips."""

    mean: float
    std: float
