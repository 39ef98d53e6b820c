"""What became of every item of a shard, one JSON line each, appended as they finish.

The ledger and the kept clips are a cache, not the output of a rule: an interrupted job finds them
again. A row's key holds all that the kept clip depends on, so a changed setting asks again for just
what it changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from earmark.config.packing import Kept
from earmark.core.files import Json
from earmark.core.records import FAILED, OK, Clip
from earmark.data.fetch import reasons

PENDING = "pending"
UNSAFE = re.compile(r"[^A-Za-z0-9_~-]")
"""What a list's id may have and a file's name should not."""
Row = Json


def key(clip: Clip, keep: Kept) -> str:
    """Return what the kept clip of a wanted row depends on, as a hash."""
    part = clip.parts[0]
    content = [clip.clip_id, part.path, part.start_s, part.end_s, keep.sample_rate, keep.channels]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def media_path(cache: Path, clip: Clip, key: str) -> Path:
    """Return where a clip is kept below a task's cache; names differ even where case doesn't count."""
    return cache / "media" / key[:2] / f"{UNSAFE.sub('~', clip.clip_id)[:150]}-{key[:16]}.flac"


class Ledger:
    """The rows of one shard, the latest of each key; a torn last line is dropped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: dict[str, Row] = {}
        self._stream = path.open("a+b")
        self._stream.seek(0)
        content = self._stream.read()
        whole = content.rfind(b"\n") + 1
        # The next row must not be glued to half a one.
        self._stream.truncate(whole)
        self._read(content[:whole])

    def adopt(self, others: Iterable[Path], keys: set[str]) -> None:
        """Take over rows of other ledgers, sharded otherwise, where they are later than what is known."""
        for path in sorted(others):
            content = path.read_bytes()
            self._read(content[: content.rfind(b"\n") + 1], keys)

    def append(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns."""
        self._stream.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.rows[row["key"]] = row

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _time_of(self, key: str) -> float:
        """Return when what is known of a key was found out."""
        return float(self.rows[key]["time"]) if key in self.rows else 0.0

    def _read(self, content: bytes, keys: set[str] | None = None) -> None:
        for line in content.splitlines():
            try:
                row = json.loads(line)
                # Lines of one ledger are in order already; those of another may be older.
                if keys is None or (row["key"] in keys and row["time"] >= self._time_of(row["key"])):
                    self.rows[row["key"]] = row
            except (ValueError, TypeError, KeyError):
                continue  # damaged: the item counts as not asked yet


def settled(row: Row | None, *, cookies: bool) -> bool:
    """Whether an item needs no further asking: fetched, or failed for good.

    What failed for want of a login is asked again once there are cookies.
    """
    if row is None or row["status"] == PENDING:
        return False
    if row["status"] == OK:
        return True
    kind = reasons.KINDS.get(row["code"])
    return row["status"] == FAILED and not (kind and kind.login and cookies and not row["cookies"])
