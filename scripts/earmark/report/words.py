"""Numbers as texts, the same on the whole page."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
"""Anything with the columns of the summary, or of a metric."""

NBSP = "\u00a0"
MINUS = "\u2212"
DASH = "\u2013"
LEVEL = 0.05
"""A corrected p-value from here on shows no difference."""
STAND_IN = "shows the machine works, says nothing about real models"


TURNING = frozenset(("R", "AL", "RLE", "RLO", "LRE", "LRO", "RLI", "LRI", "FSI"))
"""Kinds of characters that are written from the right, or turn what follows round."""


def isolated(name: str) -> str:
    """Return a name as a sentence can hold it: written from the right, it turns round nothing but itself."""
    turns = any(unicodedata.bidirectional(char) in TURNING for char in name)
    return f"\u2068{name}\u2069" if turns else name


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as per cent, or a dash where there is none."""
    return DASH if value is None else f"{100 * value:.{digits}f}{NBSP}%"


def interval(row: Row, scale: float = 100, digits: int = 1) -> str:
    """Return ``[low, high]``, empty where there is none."""
    if row.get("low") is None or row.get("high") is None:
        return ""
    return f"[{scale * row['low']:.{digits}f},{NBSP}{scale * row['high']:.{digits}f}]".replace("-", MINUS)


def points_apart(value: float) -> str:
    """Return a difference of shares in percentage points, signed."""
    text = f"{100 * value:+.1f}".replace("-", MINUS)
    return f"{text[1:] if float(text[1:]) == 0 else text}{NBSP}points"


def p_value(value: float) -> str:
    """Return a p-value with two digits, or that it is tiny."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def difference(row: Row | None) -> str:
    """Return a difference in points, its interval, p as it is and corrected, and what that shows."""
    if row is None:
        return DASH
    raw, corrected = row["p_value"], row.get("p_adjusted")
    said = p_value(raw).replace(" ", NBSP)
    if corrected is not None and corrected != raw:
        said += f", corrected {p_value(corrected).removeprefix('p ').removeprefix('= ')}".replace(
            "< ", f"<{NBSP}"
        )
    verdict = ": no difference shown" if (raw if corrected is None else corrected) >= LEVEL else ""
    return f"{points_apart(row['value'])} {interval(row)}, {said}{verdict}"


def made(row: Row) -> str:
    """Return where a number comes from, in one line: file, code, commit, samples."""
    commit = row.get("commit") or ""
    parts = [
        str(row["result"]),
        f"code {row['code']}" if row.get("code") else "",
        f"scored by {row['scoring_code']}" if row.get("scoring_code") else "",
        f"commit {commit[:9]}{'-dirty' if commit.endswith('-dirty') else ''}" if commit else "",
        f"samples {row['sample_set']}" if row.get("sample_set") else "",
    ]
    return ", ".join(part for part in parts if part)


def banner(labels: str) -> str:
    """Return the warning that goes with demo models, synthetic data and small models of real weights."""
    words = {"demo": "demo model", "small": "real weights, small model", "synthetic": "synthetic data"}
    named = " / ".join(word for label, word in words.items() if label in labels.split(","))
    if not named:
        return ""
    # What a small model shows of real weights is real, but its own.
    small = "small" in labels.split(",")
    return f"{named}: {'says nothing about larger models' if small else STAND_IN}"


def origin(labels: str) -> str:
    """Return what the page's filter calls models and data: ``real``, or what is not."""
    return banner(labels).partition(":")[0] or "real"


def seconds(value: float | None) -> str:
    """Return a duration in milliseconds, or in seconds from one second on."""
    if value is None:
        return DASH
    return f"{value:.2f}{NBSP}s" if value >= 1 else f"{1000 * value:.3g}{NBSP}ms"


def timed(row: Row, stage: str) -> str:
    """Return the median time of a stage, or of the whole clip, with its interval."""
    value, low, high = (row.get(f"{stage}{end}_s") for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return seconds(value)
    scale = 1 if value >= 1 else 1000
    digits = 2 if scale * value < 10 else 1 if scale * value < 100 else 0
    return f"{seconds(value)} [{scale * low:.{digits}f},{NBSP}{scale * high:.{digits}f}]"
