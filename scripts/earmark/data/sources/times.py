"""Which columns of a list are a cut's start and end: by config, by their usual names, or not understood.

A list's `start,end` or `onset,offset` must never be passed over: the whole file would be taken instead of a
stretch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from earmark.core.errors import UserError

ROLES = ("start_s", "end_s", "duration_s")
NAMES = {
    "start_s": ("start", "onset", "begin", "start_time", "onset_time", "begin_time", "tmin"),
    "end_s": ("end", "offset", "stop", "end_time", "offset_time", "stop_time", "tmax"),
    "duration_s": ("duration", "dur"),
}
"""What lists call them, a unit behind it or not. A duration counts beside a start alone: with an end, or
without a start, it says how long the file is."""
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), 0.001),
}
"""What is written behind a name, and how many seconds one of it is."""
LIKE_TIME = re.compile(r"(?:^|_)(?:start|end|onset|offset|begin|stop|tmin|tmax)(?:_|$)")

PAIRED = (("from", "to"), ("ts", "te"), ("t0", "t1"), ("t1", "t2"), ("xmin", "xmax"))
"""Names that look like times together, and like anything alone; a unit may stand behind them."""


def found(columns: Iterable[str], asked: Mapping[str, str | None], where: str) -> dict[str, str]:
    """Return the column of each role that a list has; config's come first, and null says there is none.

    Raises:
        UserError: a column looks like a time, and its unit or its fellow is not understood.

    """
    names = list(columns)
    chosen = {role: asked[role] for role in ROLES if role in asked}
    known = {role: name for name in names for role in ROLES if role not in asked and _fits(name, role)}
    both = known | {role: name for role, name in chosen.items() if name is not None}
    if "start_s" not in both and {"end_s", "duration_s"} <= both.keys() and "end_s" not in chosen:
        # Lists of NeMo: an offset and how much of the file from there on.
        known["start_s"] = both["start_s"] = known.pop("end_s")
        del both["end_s"]
    if "start_s" not in both or "end_s" in both:
        known.pop("duration_s", None)
    if "end_s" in known and "start_s" not in both:
        raise UserError(_unknown([known["end_s"]], where))
    like = {n for n in names if LIKE_TIME.search(_plain(n))} | _paired(names)
    left = [n for n in names if n in like and n not in (*known.values(), *chosen.values())]
    if left and not chosen and not known:
        raise UserError(_unknown(left, where))
    return known | {role: name for role, name in chosen.items() if name is not None}


def seconds_of(column: str, unit: str | None) -> float:
    """Return how many seconds one of a column's numbers is: as config says, else as its name does."""
    return UNITS[unit or _parted(_plain(column))[1] or "s"]


def _fits(name: str, role: str) -> bool:
    """Whether a column is called as lists call this role, with a unit that is known."""
    return _parted(_plain(name))[0] in NAMES[role]


def _paired(names: list[str]) -> set[str]:
    """Return the columns whose names look like times beside each other."""
    stems = {_parted(_plain(name))[0]: name for name in names}
    return {stems[name] for pair in PAIRED if stems.keys() >= set(pair) for name in pair}


def _parted(name: str) -> tuple[str, str]:
    """Return a name and the unit behind it, if there is one that is known."""
    stem, _, unit = name.rpartition("_")
    return (stem, unit) if stem and unit in UNITS else (name, "")


def _plain(name: str) -> str:
    """Return a column's name in small letters, words parted by an underscore: ``StartTime`` is start_time."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def _unknown(left: list[str], where: str) -> str:
    return (
        f"{where} has columns that look like times and are not understood: {', '.join(left)}; say in "
        "data.source.columns which are start_s and end_s (data.source.time_unit: ms for milliseconds), or "
        "null for both to take whole files"
    )
