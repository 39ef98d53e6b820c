"""One recording is one recording, whatever it is called: by its file, links followed, and its content.

Two spellings of a name, a link and its target, names that differ in case alone (one file on many disks)
and copies must not be training and test data at once: a model would be tested on what it was taught.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.records import Clip, iter_manifest, write_manifest
from earmark.data.sources.dealing import Deal, database
from earmark.data.sources.recordings import shown

SOURCE, AUDIO = "overlap_source", "overlap_audio"
OVERLAPS = (SOURCE, AUDIO)
"""What the audit calls the two kinds, and config allows by these names."""


def apart(clips: Iterable[Clip], allowed: Collection[str]) -> Iterator[Clip]:
    """Yield the clips; at their end, refuse recordings that are in more than one split.

    Raises:
        UserError: an overlap that ``allowed`` does not name.

    """
    rows = database()
    rows.execute("CREATE TABLE facts (kind TEXT, key BLOB, split TEXT, name TEXT, PRIMARY KEY (key, split))")
    for clip in clips:
        if clip.ok:
            facts = ((kind, key, clip.split, clip.clip_id) for kind, key in _facts(clip))
            rows.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?)", facts)
        yield clip
    for kind in OVERLAPS:
        if kind not in allowed:
            _refuse(rows, kind)


def dealt(clips: Iterable[Clip], test_share: float, seed: int) -> Iterator[Clip]:
    """Yield the clips with a split each, dealt by recording and class.

    Clips of one recording under several names take the first of these as their source.

    Raises:
        UserError: see :class:`Deal`.

    """
    with tempfile.TemporaryDirectory() as folder:
        # A recording is known for the same once its file was read, and dealt once all are known.
        undealt = Path(folder, "undealt.parquet")
        write_manifest(undealt, clips)
        names = _representatives(iter_manifest(undealt))
        deal = Deal(
            (
                (names.get(clip.source_id[0], clip.source_id[0]), clip.labels[0] if clip.labels else "")
                for clip in iter_manifest(undealt)
            ),
            test_share,
            seed,
        )
        for clip in iter_manifest(undealt):
            clip.source_id[0] = names.get(clip.source_id[0], clip.source_id[0])
            clip.split = deal.split(clip.source_id[0])
            yield clip


def _facts(clip: Clip) -> Iterator[tuple[str, bytes]]:
    """Yield what tells a clip's recordings: their names, their files and their content, as digests."""
    for name in clip.source_id:
        yield SOURCE, _digest("name", name)
    for path in {part.path for part in clip.parts}:
        real = unicodedata.normalize("NFC", str(Path(path).resolve())).casefold()
        yield SOURCE, _digest("file", real)
    if clip.sha256:
        yield AUDIO, _digest("content", clip.sha256)


def _digest(kind: str, text: str) -> bytes:
    return hashlib.blake2b(f"{kind}\0{text}".encode(errors="surrogatepass"), digest_size=16).digest()


def _refuse(rows: sqlite3.Connection, kind: str) -> None:
    """Raise UserError if something of a kind is in more than one split."""
    found = rows.execute(
        "SELECT key FROM facts WHERE kind = ? GROUP BY key HAVING COUNT(*) > 1 ORDER BY MIN(rowid)", (kind,)
    ).fetchall()
    if not found:
        return
    first = rows.execute(
        "SELECT name, split FROM facts WHERE key = ? ORDER BY rowid LIMIT 2", found[0]
    ).fetchall()
    (one, split), (other, another) = first
    what = "one recording" if kind == SOURCE else "of equal content"
    raise UserError(
        f"data.source: '{shown(one)}' ({split}) and '{shown(other)}' ({another}) are {what}, as are "
        f"{len(found) - 1} more in two splits; leave one of each out, or set data.allow_overlap: [{kind}] "
        "if it is meant so"
    )


def _representatives(clips: Iterable[Clip]) -> dict[str, str]:
    """Return the first name of each recording that has several, by the others."""
    rows = database()
    rows.execute("CREATE TABLE called (key BLOB, name TEXT, PRIMARY KEY (key, name)) WITHOUT ROWID")
    for clip in clips:
        if clip.ok:
            rows.executemany(
                "INSERT OR IGNORE INTO called VALUES (?, ?)",
                ((key, clip.source_id[0]) for _, key in _facts(clip)),
            )
    # Names joined by a file or a content: few, so that they fit in memory.
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := first.get(name, name)) != name:
            name = above
        return name

    several = "SELECT key FROM called GROUP BY key HAVING COUNT(*) > 1"
    for least, name in rows.execute(
        f"SELECT least, name FROM called JOIN (SELECT key AS k, MIN(name) AS least FROM called "
        f"WHERE key IN ({several}) GROUP BY key) ON key = k WHERE name != least ORDER BY least, name"
    ):
        one, other = sorted((root(least), root(name)))
        if one != other:
            first[other] = one
    return {name: root(name) for name in first}
