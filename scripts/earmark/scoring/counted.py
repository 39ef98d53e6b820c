"""Numbers as right answers: how many speakers, how many seconds."""

from __future__ import annotations

import re

RIGHT = re.compile(r"\[?\s*(\d+(?:\.\d+)?)\s*(?:,\s*(\d+(?:\.\d+)?)\s*)?\]?")


def bounds(answer: str) -> tuple[float, float] | None:
    """Return the least and the greatest right number that an answer key names: `31` or `[3, 5]`; or None."""
    match = RIGHT.fullmatch(answer.strip())
    if match is None:
        return None
    least = float(match[1])
    return least, float(match[2] or least)


def away(number: float, right: tuple[float, float]) -> float:
    """Return how far a number is from the right ones, 0 within them."""
    least, greatest = right
    return max(least - number, number - greatest, 0.0)
