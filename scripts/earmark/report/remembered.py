"""What was read off files before: only files that changed are read again.

Kept in a folder that is no rule's output, so a rebuild after a crash or a wider grid costs what is new.
Everything in it can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from earmark.core.digests import code_digest
from earmark.core.files import replacing, sha256
from earmark.report import page_code

SEEN = "seen.json"
T = TypeVar("T")


class Remembered:
    """Content by the digest of what it was made from; ``close`` forgets what this run didn't ask for.

    ``read`` counts what had to be made anew.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._code = code_digest(*page_code.summary())
        self._stats: dict[str, list[Any]] = {}
        self._new: dict[str, list[Any]] = {}
        self._used: set[str] = set()
        self.read = 0
        if folder is not None:
            self._stats = _loaded(folder / SEEN) or {}

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a file; a file whose inode, size and times are as before isn't read.

        A missing file has the digest of nothing.
        """
        try:
            found = path.stat()
        except FileNotFoundError:
            return ""
        mark = [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        old = self._stats.get(str(path))
        digest = old[-1] if old and old[:-1] == mark else sha256(path)
        self._new[str(path)] = [*mark, digest]
        return str(digest)

    def get(self, names: list[str], make: Callable[[], T]) -> T:
        """Return what ``make`` gives, or gave before for the same names and the same code; JSON."""
        key = hashlib.sha256(json.dumps([self._code, *names]).encode()).hexdigest()[:32]
        path = self._folder / f"{key}.json" if self._folder else None
        content = _loaded(path) if path else None
        if content is None:
            content = [make()]
            self.read += 1
            if path:
                with replacing(path) as partial:
                    partial.write_text(json.dumps(content))
        if path:
            self._used.add(path.name)
        found: T = content[0]
        return found

    def close(self) -> None:
        """Write down which files were seen, and remove what is of no use any more."""
        if self._folder is None or not self._folder.is_dir():
            return
        with replacing(self._folder / SEEN) as partial:
            partial.write_text(json.dumps(self._new))
        for path in self._folder.glob("*.json"):
            if path.name not in {*self._used, SEEN}:
                path.unlink(missing_ok=True)


def _loaded(path: Path) -> Any:
    """Return a file's content, None if it is missing or damaged: it can be made again."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
