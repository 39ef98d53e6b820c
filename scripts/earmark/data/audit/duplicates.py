"""The same audio more than once: exactly, nearly, on both sides of a split, under different labels."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

Group = tuple[list[int], str]
"""Numbers of the clips that belong together, and details."""

SHOWN = 10
"""Clips named per group; the details say how many there are."""


def exact(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield the clips of each packed audio that is there more than once."""
    for sha, count, silent in connection.execute(
        "SELECT sha, COUNT(*), MAX(silent) FROM clips WHERE sha != '' GROUP BY sha HAVING COUNT(*) > 1 "
        "ORDER BY MIN(id)"
    ):
        yield _of_sha(connection, sha), f"{count} {'silent ' if silent else ''}clips, sha256 {sha[:12]}"


def overlap_audio(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield the clips of each packed audio that is in more than one split; silence is no one's audio."""
    for sha, count in connection.execute(
        "SELECT sha, COUNT(*) FROM clips WHERE sha != '' AND NOT silent GROUP BY sha "
        "HAVING COUNT(DISTINCT split) > 1 ORDER BY MIN(id)"
    ):
        yield _of_sha(connection, sha), f"{count} clips, sha256 {sha[:12]}"


def overlap_sources(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield clips of each original recording that is in more than one split."""
    for source, count in connection.execute(
        "SELECT source, COUNT(*) FROM sources GROUP BY source HAVING COUNT(DISTINCT split) > 1 "
        "ORDER BY source"
    ):
        # Some of each split: were they the first ten, all might be of one.
        rows = connection.execute(
            "SELECT clip FROM (SELECT clip, split, ROW_NUMBER() OVER (PARTITION BY split ORDER BY clip) AS n "
            "FROM sources WHERE source = ?) WHERE n <= ? ORDER BY split, clip",
            (source, SHOWN // 2),
        )
        yield [number for (number,) in rows], f"recording {source}, {count} clips"


def near(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield pairs of nearly the same audio, the most alike first."""
    yield from (([a, b], detail) for a, b, detail, *_ in _pairs(connection, "1"))


def overlap_near(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield pairs of nearly the same audio in different splits, the most alike first."""
    yield from (([a, b], detail) for a, b, detail, *_ in _pairs(connection, "a.split != b.split"))


def conflicts(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield clips of the same audio, or nearly the same, that are labelled differently; not silent ones."""
    for sha, labels in connection.execute(
        "SELECT sha, COUNT(DISTINCT labels) FROM clips WHERE sha != '' AND NOT silent GROUP BY sha "
        "HAVING COUNT(DISTINCT labels) > 1 ORDER BY MIN(id)"
    ):
        yield _of_sha(connection, sha), f"same audio, {labels} labellings: {_labels(connection, sha)}"
    if not _has_near(connection):
        return
    for a, b, detail, first, second in _pairs(connection, "a.labels != b.labels"):
        yield [a, b], f"{detail}: {first} and {second}"


def _pairs(connection: sqlite3.Connection, where: str) -> Iterator[tuple[int, int, str, str, str]]:
    """Yield the pairs of nearly the same audio for which SQL holds: numbers, details, labels of both."""
    for a, b, peak, lag, overlap, first, second in connection.execute(
        "SELECT near.a, near.b, peak, lag, overlap, a.labels, b.labels FROM near "
        "JOIN clips a ON a.id = near.a JOIN clips b ON b.id = near.b "
        f"WHERE {where} ORDER BY ABS(peak) DESC, near.a, near.b"
    ):
        yield a, b, _measure(peak, lag, overlap), first, second


def _measure(peak: float, lag: float, overlap: float) -> str:
    """Return in words how alike two clips are and where: lag and overlap in seconds."""
    # No lag that rounds to nothing is said to be one.
    later = "" if abs(lag) < 0.0005 else f", {abs(lag):.3f} s later in the {'first' if lag > 0 else 'second'}"
    turned = ", upside down" if peak < 0 else ""
    return f"correlation {abs(peak):.2f} over {overlap:.2f} s{later}{turned}"


def _has_near(connection: sqlite3.Connection) -> bool:
    """Say whether near duplicates were looked for."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'near'").fetchone()
    return found is not None


def _of_sha(connection: sqlite3.Connection, sha: str) -> list[int]:
    """Return the first clips of an audio."""
    rows = connection.execute("SELECT id FROM clips WHERE sha = ? ORDER BY id LIMIT ?", (sha, SHOWN))
    return [number for (number,) in rows]


def _labels(connection: sqlite3.Connection, sha: str) -> str:
    """Return the first labellings of an audio."""
    rows = connection.execute(
        "SELECT DISTINCT labels FROM clips WHERE sha = ? ORDER BY labels LIMIT 3", (sha,)
    )
    return ", ".join(labels for (labels,) in rows)
