"""How long clips are: in seconds, and in the tokens a model makes of them."""

from __future__ import annotations

import math
import sqlite3
from itertools import pairwise

from earmark.core.files import Json
from earmark.data.audit.store import EVERY

EDGES = (0, 2, 5, 10, 15, 20, 25, 30, 35, 45, 60, 90, 120, 180, 300, 600)
"""Seconds at which the bins of the histogram start; the last has no end. Those of AudioMarathon."""

PERCENTILES = (5, 25, 75, 90, 95, 99)


def describe(
    connection: sqlite3.Connection, split: str | None, label: str = EVERY, *, bins: bool = True
) -> Json | None:
    """Return count, hours, moments, percentiles and histogram of the usable clips' lengths in seconds.

    Percentiles are interpolated between neighbours, the standard deviation is the population's. None
    where there is no clip. One pass over an index on disk.
    """
    where, values = "label = ?", [label]
    if split is not None:
        where, values = "split = ? AND label = ?", [split, label]
    count: int = connection.execute(f"SELECT COUNT(*) FROM lengths WHERE {where}", values).fetchone()[0]
    if not count:
        return None
    wanted = {p: (count - 1) * p / 100 for p in (0, *PERCENTILES, 50, 100)}
    ranks = {rank for at in wanted.values() for rank in (math.floor(at), math.ceil(at))}
    picked, mean, squares = {}, 0.0, 0.0
    histogram = [0] * len(EDGES)
    place = 0
    rows = connection.execute(f"SELECT duration FROM lengths WHERE {where} ORDER BY duration", values)
    for rank, (value,) in enumerate(rows):
        if rank in ranks:
            picked[rank] = value
        # Welford's running moments: no list, no cancellation.
        delta = value - mean
        mean += delta / (rank + 1)
        squares += delta * (value - mean)
        while place + 1 < len(EDGES) and value >= EDGES[place + 1]:
            place += 1
        histogram[place] += 1
    at = {
        p: picked[math.floor(w)] + (picked[math.ceil(w)] - picked[math.floor(w)]) * (w % 1)
        for p, w in wanted.items()
    }
    found = {
        "count": count,
        "hours": mean * count / 3600,
        "mean": mean,
        "std": math.sqrt(squares / count),
        "min": at[0],
        "median": at[50],
        "max": at[100],
        "percentiles": {str(p): at[p] for p in PERCENTILES},
    }
    if bins:
        names = [f"{low}-{high}" for low, high in pairwise(EDGES)] + [f"{EDGES[-1]}-"]
        found["histogram"] = dict(zip(names, histogram))
    return found


def in_tokens(lengths: Json, per_second: float) -> Json:
    """Return the same figures in audio tokens, of a model that makes ``per_second`` of them."""
    return {
        "per_second": per_second,
        "total": lengths["hours"] * 3600 * per_second,
        **{name: lengths[name] * per_second for name in ("mean", "std", "min", "median", "max")},
        "percentiles": {p: value * per_second for p, value in lengths["percentiles"].items()},
    }


def labels(connection: sqlite3.Connection, split: str | None) -> list[Json]:
    """Return the lengths per label, by name; a clip of several labels counts under each."""
    where, values = ("", ()) if split is None else ("AND split = ?", (split,))
    names = connection.execute(
        f"SELECT DISTINCT label FROM lengths WHERE label != ? {where} ORDER BY label", (EVERY, *values)
    ).fetchall()
    return [{"label": name, **(describe(connection, split, name, bins=False) or {})} for (name,) in names]


def over(connection: sqlite3.Connection, split: str, limit_s: float) -> int:
    """Return how many usable clips of a split are longer than ``limit_s`` seconds."""
    row = connection.execute(
        "SELECT COUNT(*) FROM lengths WHERE split = ? AND label = ? AND duration > ?",
        (split, EVERY, limit_s + 1e-6),
    ).fetchone()
    return int(row[0])
