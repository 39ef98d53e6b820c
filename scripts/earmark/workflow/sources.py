"""Whether the files that a task is made from are still what they were.

A folder, a list or tars are no inputs of a rule: there may be a million of them. The rule that lists a task's
recordings carries their state as a param instead: names, sizes and samples of the content, so that a label
edited in a table, rows dropped, a file removed or replaced makes it run again, while a ``touch`` or a copy of
the whole folder changes nothing. Files are looked into once; afterwards their times tell that they need not
be.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earmark.core.files import Json, write_json
from earmark.systems.registry import written

SEEN = Path(".earmark/sources")
WHOLE = 1 << 20
"""Files up to so many bytes are read whole: tables, lists, short clips."""
SAMPLES, SAMPLE = 16, 4096
"""Of larger ones so many stretches of so many bytes, beginning and end among them."""
LISTED = 5000
"""Up to so many files are written down one by one, so that a plan can name those that changed."""
MOST = 100_000
"""With more files than this their times stand for their content, or planning would take minutes."""


def state(settings: Json) -> str | None:
    """Return the state of the local files behind a task's ``data.source``; None where there are none.

    It is the name of a list of them, below :data:`SEEN`, that holds their digest.
    """
    roots = [Path(value).expanduser() for value in _texts(settings) if _is_path(value)]
    if not roots:
        return None
    place = SEEN / "times" / f"{hashlib.sha256(repr(sorted(map(str, roots))).encode()).hexdigest()[:16]}.json"
    before = json.loads(place.read_text()) if place.is_file() else {}
    files = {str(path): path.stat() for root in roots for path in _below(root) if path.is_file()}
    now: dict[str, list[Any]] = {}
    for name, stat in files.items():
        known = before.get(name)
        if known and known[:2] == [stat.st_size, stat.st_mtime_ns]:
            now[name] = known
        else:
            content = str(stat.st_mtime_ns) if len(files) > MOST else _sampled(Path(name), stat.st_size)
            now[name] = [stat.st_size, stat.st_mtime_ns, content]
    if now != before:
        write_json(place, now)
    told = {name: f"{size} bytes, {content}" for name, (size, _, content) in sorted(now.items())}
    listed = SEEN / f"{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]}.json"
    if len(told) <= LISTED and not listed.exists():
        write_json(listed, told)
    return listed.as_posix()


def _texts(settings: Json) -> Iterator[str]:
    """Yield every text among the settings of a source."""
    for value in settings.values():
        if isinstance(value, dict):
            yield from _texts(value)
        else:
            yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))


def _is_path(value: str) -> bool:
    """Whether a text names a file or folder that is there."""
    try:
        return len(value) > 1 and "://" not in value and Path(value).expanduser().exists()
    except OSError:  # longer than names may be
        return False


def _below(root: Path) -> Iterator[Path]:
    """Yield a file, or the files of a folder in any depth, but what the workflow writes and hidden ones."""
    if root.is_file():
        yield root
        return
    ours = {Path(name).resolve() for name in written()}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name[0] != "." and Path(folder, name).resolve() not in ours]
        yield from (Path(folder, name) for name in names if name[0] != ".")


def _sampled(path: Path, size: int) -> str:
    """Return a digest of a file's content, or of samples of a large one's."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            if size <= WHOLE:
                digest.update(stream.read())
            else:
                for number in range(SAMPLES):
                    stream.seek((size - SAMPLE) * number // (SAMPLES - 1))
                    digest.update(stream.read(SAMPLE))
    except OSError as error:  # the job that reads it will say more
        return f"unreadable: {error.strerror}"
    return digest.hexdigest()[:16]
