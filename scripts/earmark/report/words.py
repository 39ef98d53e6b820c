"""Numbers as texts, the same on the whole page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NBSP = "\u00a0"
MINUS = "\u2212"
DASH = "\u2013"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as per cent, or a dash where there is none."""
    return DASH if value is None else f"{100 * value:.{digits}f}{NBSP}%"


def interval(row: Mapping[str, Any], scale: float = 100, digits: int = 1) -> str:
    """Return ``[low, high]``, empty where there is none."""
    if row.get("low") is None or row.get("high") is None:
        return ""
    return f"[{scale * row['low']:.{digits}f},{NBSP}{scale * row['high']:.{digits}f}]".replace("-", MINUS)


def difference(row: Mapping[str, Any] | None) -> str:
    """Return the difference to the base in points, interval, p and whether that shows anything."""
    if row is None:
        return DASH
    verdict = ", no difference shown" if row["low"] <= 0 <= row["high"] else ""
    p = "p < 0.001" if row["p_value"] < 0.001 else f"p = {row['p_value']:.2g}"
    value = f"{100 * row['value']:+.1f}".replace("-", MINUS)
    value = value[1:] if float(value[1:]) == 0 else value
    return f"{value}{NBSP}points {interval(row)}, {p.replace(' ', NBSP)}{verdict}"


def banner(labels: str) -> str:
    """Return the warning that goes with embedded models and synthetic data."""
    words = {"embedded": "embedded model", "synthetic": "synthetic data"}
    named = " / ".join(word for label, word in words.items() if label in labels.split(","))
    return f"{named}: shows the machine works, says nothing about real models" if named else ""


def seconds(value: float | None) -> str:
    """Return a duration in milliseconds, or in seconds from one second on."""
    if value is None:
        return DASH
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"
