"""The rows of all shard indexes in a temporary database on disk, so that an audit needs little memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.core.records import OK, Clip, iter_manifest, reason_code
from earmark.data.audit.checks import seen

FILES = 3
"""Source files named per clip; a joined clip has dozens."""

TABLES = """
CREATE TABLE clips (id INTEGER PRIMARY KEY, split TEXT, clip_id TEXT, shard TEXT, status TEXT, labels TEXT,
    files TEXT, sha TEXT, duration REAL, print BLOB, key TEXT, silent INTEGER);
CREATE TABLE lengths (split TEXT, label TEXT, duration REAL);
CREATE TABLE sources (source TEXT, split TEXT, clip INTEGER);
CREATE TABLE findings (code TEXT, clip INTEGER, detail TEXT);
CREATE TABLE counts (kind TEXT, split TEXT, value TEXT, count INTEGER, seconds REAL,
    PRIMARY KEY (kind, split, value));
"""
INDEXES = """
CREATE INDEX by_status ON clips (split, status);
CREATE INDEX by_sha ON clips (sha);
CREATE INDEX by_length ON lengths (label, duration);
CREATE INDEX by_split ON lengths (split, label, duration);
CREATE INDEX by_source ON sources (source, split);
CREATE INDEX by_code ON findings (code);
"""
EVERY = ""
"""The label under which each clip's length stands once, whatever its labels."""


@dataclass(frozen=True)
class Reference:
    """Where a clip is found: its source files (the first few), its id and its shard."""

    clip_id: str
    split: str
    shard: str
    files: list[str]
    more_files: int

    def record(self) -> Json:
        """Return the reference as it stands in the record."""
        return dict(vars(self))


def index_paths(folder: Path, shards: dict[str, int]) -> Iterator[tuple[str, Path]]:
    """Yield split and path of every shard's index; ``shards`` says how many a split has."""
    for split, of in shards.items():
        for shard in range(of):
            yield split, folder / f"{split}-{shard:05d}-of-{of:05d}.parquet"


def load(connection: sqlite3.Connection, paths: Iterable[tuple[str, Path]]) -> None:
    """Read the indexes into the database.

    Raises:
        UserError: an index is missing or not a manifest.

    """
    connection.executescript(TABLES)
    connection.execute("BEGIN")
    for split, path in tqdm(list(paths), desc="reading indexes", unit="shard"):
        try:
            for clip in iter_manifest(path):
                _add(connection, clip, split, path.with_suffix(".tar").name)
        except FileNotFoundError:
            raise UserError(f"{path} is missing; make it with: snakemake {path}") from None
    connection.executescript(INDEXES)
    if connection.in_transaction:
        connection.execute("COMMIT")


def _add(connection: sqlite3.Connection, clip: Clip, split: str, shard: str) -> None:
    """Add one clip, what can be said of it alone, and what it counts towards."""
    files = list(dict.fromkeys(part.path for part in clip.parts))
    labels = json.dumps(sorted(clip.labels), ensure_ascii=False)
    row = (split, clip.clip_id, shard, clip.status, labels)
    named = json.dumps([files[:FILES], len(files[FILES:])], ensure_ascii=False)
    found = list(seen(clip))
    silent = any(code == "silent" for code, _ in found)
    sha = clip.sha256 if clip.ok else None
    number = connection.execute(
        "INSERT INTO clips VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
        (*row, named, sha, clip.duration_s, clip.key, silent),
    ).lastrowid
    connection.executemany(
        "INSERT INTO findings VALUES (?, ?, ?)", [(each[0], number, each[1]) for each in found]
    )
    connection.executemany(
        "INSERT INTO sources VALUES (?, ?, ?)",
        [(source, split, number) for source in dict.fromkeys(clip.source_id) if clip.ok],
    )
    if clip.status == OK:
        connection.executemany(
            "INSERT INTO lengths VALUES (?, ?, ?)",
            [(split, label, clip.duration_s) for label in (EVERY, *dict.fromkeys(filter(None, clip.labels)))],
        )
    for kind, value in _counted(clip):
        connection.execute(
            "INSERT INTO counts VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET "
            "count = count + 1, seconds = seconds + excluded.seconds",
            (kind, split, value, clip.duration_s),
        )


def _counted(clip: Clip) -> Iterator[tuple[str, str]]:
    """Yield what a clip counts towards: kind and value."""
    yield "status", clip.status
    if not clip.ok:
        yield f"{clip.status} reason", reason_code(clip.reason)
        return
    yield "licence", clip.licence
    yield "origin", clip.origin
    if clip.measures is None:
        yield "measured", "no"
        return
    m = clip.measures
    yield "measured", "yes"
    yield "container", m.container or "unknown"
    yield "decoder", m.decoder or "unknown"
    yield "source rate", f"{m.source_rate} Hz"
    yield "source channels", str(m.source_channels)


def reference(connection: sqlite3.Connection, number: int) -> Reference:
    """Return where the clip of that number is found."""
    split, clip_id, shard, named = connection.execute(
        "SELECT split, clip_id, shard, files FROM clips WHERE id = ?", (number,)
    ).fetchone()
    files, more = json.loads(named)
    return Reference(clip_id, split, shard, files, more)
