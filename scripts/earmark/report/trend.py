"""What a chart shows, in a sentence, for those who hear it read out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def lines(
    rows: Sequence[Row], name: str, x: str, text: Callable[[float], str], at: Callable[[float], str]
) -> str:
    """Return where each line begins and ends: ``dart falls from 95 % at 70 % to 60 % at 10 %``.

    ``name`` and ``x`` are keys of rows; a line's ``value`` goes from the largest x to the smallest.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["value"] is not None:
            found.setdefault(str(row[name]), []).append(row)
    said = []
    for line, points in found.items():
        first, last = max(points, key=lambda row: row[x]), min(points, key=lambda row: row[x])
        if first is last:
            said.append(f"{line} is at {text(first['value'])} at {at(first[x])}")
            continue
        change = last["value"] - first["value"]
        verb = "rises" if change > 0 else "falls" if change < 0 else "stays"
        ends = [f"{text(each['value'])} at {at(each[x])}" for each in (first, last)]
        said.append(f"{line} {verb} from {ends[0]} to {ends[1]}")
    return f"{'; '.join(said)}." if said else ""


def extremes(rows: Sequence[Row], name: str, key: str, text: Callable[[float], str]) -> str:
    """Return what is highest and lowest: ``highest: jazz, 95 %; lowest: rock, 40 %``."""
    known = [row for row in rows if row[key] is not None]
    if not known:
        return ""
    top, bottom = max(known, key=lambda row: row[key]), min(known, key=lambda row: row[key])
    return f"Highest: {top[name]}, {text(top[key])}; lowest: {bottom[name]}, {text(bottom[key])}."
