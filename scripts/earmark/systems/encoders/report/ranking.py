"""Ranks of encoders on a data set, with ties where their intervals say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ranks(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the rank of each encoder that has a score, the best first, as text; shared ranks end in ``=``.

    An encoder ranks behind those whose interval lies wholly above its own.
    """
    known = {name: score for name, score in scores.items() if score["value"] is not None}
    found = {
        name: 1 + sum(_low(other) > _high(score) for other in known.values()) for name, score in known.items()
    }
    counts = list(found.values())
    return {name: f"{rank}=" if counts.count(rank) > 1 else str(rank) for name, rank in found.items()}


def _low(score: Mapping[str, Any]) -> float:
    return float(score["value"] if score["low"] is None else score["low"])


def _high(score: Mapping[str, Any]) -> float:
    return float(score["value"] if score["high"] is None else score["high"])
