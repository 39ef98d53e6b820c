"""The hours of the day in which to fetch."""

from __future__ import annotations

from datetime import datetime, time


def inside(window: str | None, now: datetime) -> bool:
    """Whether ``now`` (local time) is in a window as ``22:00-06:00``, its end excluded; None is always."""
    if window is None:
        return True
    first, last = (time.fromisoformat(word) for word in window.split("-"))
    at = now.time()
    return first <= at < last if first < last else at >= first or at < last
