"""Which clips are nearly, not exactly, the same audio: fingerprints propose, the sound itself decides."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from earmark.audio.correlation import match
from earmark.core.progress import tqdm
from earmark.data.audit import candidates

Sound = Callable[[int], NDArray[np.float32]]
"""The audio [samples] of the clip of a number, at the rate that :func:`match` takes."""


def find(connection: sqlite3.Connection, sound: Sound) -> None:
    """Fill the table ``near`` (a, b, peak, lag, overlap) with the pairs that are the same audio.

    Clips that were cut from one file are left out: that they overlap is known from the list.
    """
    candidates.propose(connection)
    connection.execute(
        "CREATE TABLE near (a INTEGER, b INTEGER, peak REAL, lag REAL, overlap REAL, PRIMARY KEY (a, b)) "
        "WITHOUT ROWID"
    )
    connection.execute("BEGIN")
    for a, b, lag in tqdm(candidates.best(connection), desc="comparing", unit="pair"):
        if _files(connection, a) & _files(connection, b):
            continue
        found = match(sound(a), sound(b), lag)
        if found and found.same:
            row = (a, b, found.peak, found.lag_s, found.overlap_s)
            connection.execute("INSERT INTO near VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("COMMIT")


def _files(connection: sqlite3.Connection, clip: int) -> set[str]:
    """Return the source files of a clip, the first few of a joined one."""
    (named,) = connection.execute("SELECT files FROM clips WHERE id = ?", (clip,)).fetchone()
    return set(json.loads(named)[0])
