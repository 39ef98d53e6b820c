"""Which clips may be the same recording, among millions, on disk: those whose fingerprints share keys.

A key is what a slot of a fingerprint holds (:mod:`earmark.audio.fingerprint`). Unrelated clips agree in
a slot now and then, so the pairs met by chance grow with the square of the number of clips: in larger
sets two slots at a time make a key, and more slots must agree at one difference of time. That bounds the
work; copies that were changed much are missed earlier in a large set than in a small one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from earmark.audio.fingerprint import SLOTS, Sketch, mixed, sketch, votes
from earmark.core.progress import tqdm

SMALL = 20_000
"""Up to so many clips, one slot makes a key; beyond, two slots that lie :data:`GAPS` apart."""

GAPS = (1, 2)

AGREEING = ((5_000, 2), (50_000, 3), (500_000, 4))
"""Up to so many clips, so many slots must agree; beyond, :data:`AGREEING_BEYOND`."""

AGREEING_BEYOND = 5

CROWD = 2_000
"""Clips of a key that each later one is held against."""

BEST = 16
"""Earlier clips that each later one is compared with by sound: those that agree in most slots."""

KEPT = 20_000
"""Fingerprints held in memory."""


def propose(connection: sqlite3.Connection) -> None:
    """Fill the table ``candidates`` (a, b, votes, lag) with pairs of clips that may be the same recording.

    ``lag`` in seconds is how much later the same sound would begin in ``a``.
    """
    connection.executescript(
        "CREATE TABLE sketches (clip INTEGER PRIMARY KEY, print BLOB);"
        "CREATE TABLE keys (key INTEGER, clip INTEGER);"
        "CREATE TABLE candidates (a INTEGER, b INTEGER, votes INTEGER, lag REAL);"
        "BEGIN;"
        # Of exact duplicates one is enough; the others are found by their hash.
        "INSERT INTO sketches SELECT MIN(id), print FROM clips WHERE length(print) GROUP BY sha"
    )
    (clips,) = connection.execute("SELECT COUNT(*) FROM sketches").fetchone()
    gaps = (0,) if clips <= SMALL else GAPS
    rows = connection.execute("SELECT clip, print FROM sketches ORDER BY clip")
    for number, heard in tqdm(rows, desc="fingerprints", unit="clip", total=clips):
        keys, filled = _keys(sketch(heard), gaps)
        connection.executemany("INSERT INTO keys VALUES (?, ?)", [(k, number) for k in keys[filled].tolist()])
    connection.execute("CREATE INDEX by_key ON keys (key, clip)")
    _meet(connection, gaps, agreeing(clips))
    connection.execute("COMMIT")


def best(connection: sqlite3.Connection) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs to compare by sound, in order of the first clip: a, b, lag."""
    yield from connection.execute(
        "SELECT a, b, lag FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY b ORDER BY votes DESC, a) AS place "
        "FROM candidates) WHERE place <= ? ORDER BY a, b",
        (BEST,),
    )


def agreeing(clips: int) -> int:
    """Return in how many slots two of so many clips must agree to be compared."""
    return next((least for limit, least in AGREEING if clips <= limit), AGREEING_BEYOND)


def _keys(found: Sketch, gaps: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a fingerprint's keys, a row of slots for each gap, and which of them are filled."""
    key = found["key"].astype(np.uint64)
    rows, filled = [], []
    for place, gap in enumerate(gaps):
        slot = np.arange(SLOTS, dtype=np.uint64) + np.uint64(place * SLOTS)
        other = np.roll(key, -gap)
        rows.append(mixed(mixed(key << np.uint64(32) | other) ^ slot).view(np.int64))
        filled.append((key > 0) & (other > 0))
    return np.concatenate(rows), np.concatenate(filled)


def _meet(connection: sqlite3.Connection, gaps: tuple[int, ...], least: int) -> None:
    """Find the pairs that share a key; each is looked at under the first key it shares."""

    @lru_cache(KEPT)
    def known(clip: int) -> Sketch:
        (heard,) = connection.execute("SELECT print FROM sketches WHERE clip = ?", (clip,)).fetchone()
        return sketch(heard)

    several = (
        "SELECT key, clip FROM keys WHERE key IN "
        "(SELECT key FROM keys GROUP BY key HAVING COUNT(*) > 1) ORDER BY key, clip"
    )
    for key, rows in groupby(tqdm(connection.execute(several), desc="meeting", unit="key"), itemgetter(0)):
        members = [clip for _, clip in rows]
        earlier = np.stack([known(clip)["key"] for clip in members[:CROWD]])
        for place, clip in enumerate(members[1:], 1):
            own = known(clip)
            same = (earlier[:place] == own["key"]) & (own["key"] > 0)
            for other in np.flatnonzero(same.sum(axis=1) >= least):
                keys, _ = _keys(own, gaps)
                shared = np.concatenate([same[other] & np.roll(same[other], -gap) for gap in gaps])
                if keys[shared.argmax()] == key:
                    count, lag = votes(known(members[other]), own)
                    if count >= least:
                        row = (members[other], clip, count, lag)
                        connection.execute("INSERT INTO candidates VALUES (?, ?, ?, ?)", row)
