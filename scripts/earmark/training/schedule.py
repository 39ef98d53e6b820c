"""Learning-rate schedules: functions from a step, counted from 0, to a share of the peak rate.

They are closed forms, so that a resumed training needs nothing but the number of its next step.
"""

from __future__ import annotations

from collections.abc import Callable

Schedule = Callable[[int], float]


def constant(warmup: int = 0) -> Schedule:
    """Return linear warm-up over ``warmup`` steps, then the peak rate."""
    return lambda step: min(1.0, (step + 1) / max(1, warmup))


def linear(steps: int, warmup: int = 20, floor: float = 0.05) -> Schedule:
    """Return linear warm-up, times linear decay over all ``steps`` from 1 to ``floor``."""
    rise = constant(warmup)
    return lambda step: rise(step) * (1 - (1 - floor) * step / max(1, steps))


def triangle(steps: int, warmup: int = 0) -> Schedule:
    """Return linear warm-up from 0, then linear decay to 0: the default of Hugging Face's trainer."""

    def share(step: int) -> float:
        if step < warmup:
            return step / max(1, warmup)
        return max(0.0, (steps - step) / max(1, steps - warmup))

    return share
