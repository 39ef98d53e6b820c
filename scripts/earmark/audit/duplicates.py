"""The same audio more than once: exactly, nearly, on both sides of a split, under different labels.

Near duplicates are looked for by acoustic fingerprint: clips that share a bucket are compared, the
first :data:`COMPARED` of a bucket with all later ones. Everything stays on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from tqdm import tqdm

from earmark import fingerprint

COMPARED = 16
"""Clips of a bucket that every later one is compared with; bounds the work of a crowded bucket."""

Group = tuple[list[int], str]
"""Numbers of the clips that belong together, and details."""

SHOWN = 10
"""Clips named per group; the details say how many there are."""


@dataclass(frozen=True)
class Fingerprints:
    """How fingerprints are compared; ``near`` is the similarity from which two clips count as alike."""

    buckets: Callable[[bytes], list[int]] = fingerprint.buckets
    similarity: Callable[[bytes, bytes], float] = fingerprint.similarity
    near: float = fingerprint.NEAR


def find_near(connection: sqlite3.Connection, compare: Fingerprints) -> None:
    """Fill the table ``near`` with pairs of clips of nearly the same, not exactly the same audio."""
    connection.executescript(
        "CREATE TABLE buckets (bucket INTEGER, clip INTEGER);"
        "CREATE TABLE near (a INTEGER, b INTEGER, similarity REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;"
        "CREATE TABLE compared (a INTEGER, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;"
        "BEGIN"
    )
    # Of exact duplicates one is enough; the others are found by their hash.
    first = "SELECT MIN(id), print FROM clips WHERE print IS NOT NULL AND length(print) GROUP BY sha"
    rows = (
        (bucket, number) for number, heard in connection.execute(first) for bucket in compare.buckets(heard)
    )
    connection.executemany(
        "INSERT INTO buckets VALUES (?, ?)",
        ((_signed(b), n) for b, n in tqdm(rows, desc="fingerprints", unit="bucket", mininterval=1.0)),
    )
    ordered = connection.execute("SELECT bucket, clip FROM buckets ORDER BY bucket, clip")
    total = connection.execute("SELECT COUNT(*) FROM buckets").fetchone()[0]
    with tqdm(total=total, desc="comparing", unit="clip", mininterval=1.0) as bar:
        for _, members in groupby(ordered, itemgetter(0)):
            known: list[tuple[int, bytes]] = []
            for _, number in members:
                bar.update()
                if known and known[-1][0] == number:
                    continue
                heard = connection.execute("SELECT print FROM clips WHERE id = ?", (number,)).fetchone()[0]
                for other, before in known:
                    _compare(connection, compare, (other, before), (number, heard))
                if len(known) < COMPARED:
                    known.append((number, heard))
    connection.execute("COMMIT")


def _signed(bucket: int) -> int:
    """Return a bucket as SQLite's 64-bit signed integer."""
    return (bucket + 2**63) % 2**64 - 2**63


def _compare(
    connection: sqlite3.Connection, compare: Fingerprints, a: tuple[int, bytes], b: tuple[int, bytes]
) -> None:
    """Compare two clips, once however many buckets they share."""
    done = connection.execute("INSERT OR IGNORE INTO compared VALUES (?, ?)", (a[0], b[0]))
    if done.rowcount:
        similarity = compare.similarity(a[1], b[1])
        if similarity >= compare.near:
            connection.execute("INSERT INTO near VALUES (?, ?, ?)", (a[0], b[0], similarity))


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
