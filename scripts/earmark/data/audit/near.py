"""Which clips sound nearly alike, among millions, on disk.

Every clip has the same number of keys (:func:`earmark.audio.fingerprint.buckets`); clips that share one are
candidates, and those that share enough are compared. Unrelated clips share a key now and then, so the
number of chance candidates grows with the square of the number of clips: larger sets ask for more
shared keys, which bounds the work and misses copies that were changed much.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from earmark.audio import fingerprint
from earmark.core.progress import tqdm

SHARED = ((3_000, 1), (30_000, 2), (300_000, 3), (1_000_000, 4))
"""Up to so many clips, so many keys must be shared; beyond, :data:`SHARED_BEYOND`."""

SHARED_BEYOND = 5

CROWD = 2000
"""Clips of one key that each later one is held against; bounds a crowded key's work."""


@dataclass(frozen=True)
class Fingerprints:
    """How fingerprints are compared; ``near`` is the similarity from which two clips count as alike."""

    buckets: Callable[[bytes], list[int]] = fingerprint.buckets
    similarity: Callable[[bytes, bytes], float] = fingerprint.similarity
    near: float = fingerprint.NEAR


def find(connection: sqlite3.Connection, compare: Fingerprints) -> None:
    """Fill the table ``near`` (a, b, similarity) with pairs of nearly, not exactly, the same audio."""
    connection.executescript(
        "CREATE TABLE keys (clip INTEGER PRIMARY KEY, vector BLOB, print BLOB);"
        "CREATE TABLE buckets (bucket INTEGER, clip INTEGER);"
        "CREATE TABLE near (a INTEGER, b INTEGER, similarity REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;"
        "BEGIN"
    )
    # Of exact duplicates one is enough; the others are found by their hash.
    first = "SELECT MIN(id), print FROM clips WHERE length(print) GROUP BY sha"
    clips = 0
    for number, heard in tqdm(connection.execute(first), desc="fingerprints", unit="clip"):
        keys = [_signed(key) for key in compare.buckets(heard)]
        if keys:
            clips += 1
            vector = np.array(keys, dtype=np.int64).tobytes()
            connection.execute("INSERT INTO keys VALUES (?, ?, ?)", (number, vector, heard))
            connection.executemany("INSERT INTO buckets VALUES (?, ?)", [(key, number) for key in keys])
    connection.execute("CREATE INDEX by_bucket ON buckets (bucket, clip)")
    least = shared_keys(clips)
    several = (
        "SELECT bucket, clip FROM buckets WHERE bucket IN "
        "(SELECT bucket FROM buckets GROUP BY bucket HAVING COUNT(*) > 1) ORDER BY bucket, clip"
    )
    rows = tqdm(connection.execute(several), desc="comparing", unit="key")
    for bucket, members in groupby(rows, itemgetter(0)):
        _within(connection, compare, bucket, [number for _, number in members], least)
    connection.execute("COMMIT")


def shared_keys(clips: int) -> int:
    """Return how many keys two of so many clips must share to be compared."""
    return next((least for limit, least in SHARED if clips <= limit), SHARED_BEYOND)


def _signed(key: int) -> int:
    """Return a key as a 64-bit signed integer."""
    return (key + 2**63) % 2**64 - 2**63


def _within(
    connection: sqlite3.Connection, compare: Fingerprints, bucket: int, members: list[int], least: int
) -> None:
    """Compare the clips of one key; a pair is left to the first key it shares."""
    known: NDArray[np.int64] | None = None
    for place, number in enumerate(members):
        vector, heard = connection.execute(
            "SELECT vector, print FROM keys WHERE clip = ?", (number,)
        ).fetchone()
        keys = np.frombuffer(vector, np.int64)
        if known is None:
            known = np.empty((min(len(members), CROWD), len(keys)), dtype=np.int64)
        equal = known[: min(place, CROWD)] == keys
        for other in np.flatnonzero(equal.sum(axis=1) >= least):
            if keys[equal[other].argmax()] == bucket:
                row = connection.execute("SELECT print FROM keys WHERE clip = ?", (members[other],))
                similarity = compare.similarity(row.fetchone()[0], heard)
                if similarity >= compare.near:
                    connection.execute(
                        "INSERT INTO near VALUES (?, ?, ?)", (members[other], number, similarity)
                    )
        if place < CROWD:
            known[place] = keys
