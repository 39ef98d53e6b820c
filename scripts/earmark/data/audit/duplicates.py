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
    for sha, count in connection.execute(
        "SELECT sha, COUNT(*) FROM clips WHERE sha != '' GROUP BY sha HAVING COUNT(*) > 1 ORDER BY MIN(id)"
    ):
        yield _of_sha(connection, sha), f"{count} clips, sha256 {sha[:12]}"


def overlap_audio(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield the clips of each packed audio that is in more than one split."""
    for sha, count in connection.execute(
        "SELECT sha, COUNT(*) FROM clips WHERE sha != '' GROUP BY sha HAVING COUNT(DISTINCT split) > 1 "
        "ORDER BY MIN(id)"
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
    rows = connection.execute("SELECT a, b, similarity FROM near ORDER BY similarity DESC, a, b")
    yield from (([a, b], f"similarity {similarity:.2f}") for a, b, similarity in rows)


def overlap_near(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield pairs of nearly the same audio in different splits, the most alike first."""
    rows = connection.execute(
        "SELECT near.a, near.b, similarity FROM near JOIN clips a ON a.id = near.a "
        "JOIN clips b ON b.id = near.b WHERE a.split != b.split ORDER BY similarity DESC, near.a, near.b"
    )
    yield from (([a, b], f"similarity {similarity:.2f}") for a, b, similarity in rows)


def conflicts(connection: sqlite3.Connection) -> Iterator[Group]:
    """Yield clips of the same audio, or nearly the same, that are labelled differently."""
    for sha, labels in connection.execute(
        "SELECT sha, COUNT(DISTINCT labels) FROM clips WHERE sha != '' GROUP BY sha "
        "HAVING COUNT(DISTINCT labels) > 1 ORDER BY MIN(id)"
    ):
        yield _of_sha(connection, sha), f"same audio, {labels} labellings: {_labels(connection, sha)}"
    if not _has_near(connection):
        return
    for a, b, similarity, first, second in connection.execute(
        "SELECT near.a, near.b, similarity, a.labels, b.labels FROM near JOIN clips a ON a.id = near.a "
        "JOIN clips b ON b.id = near.b WHERE a.labels != b.labels ORDER BY similarity DESC, near.a, near.b"
    ):
        yield [a, b], f"similarity {similarity:.2f}: {first} and {second}"


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
