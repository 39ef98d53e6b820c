"""Why a job runs again, in words: which file of the code, which key of the settings, old and new value.

Snakemake knows the params that a file was made with and those of today, as sets of texts. Settings and code
are among them by digest (see :mod:`earmark.workflow.given`); what a digest stands for is read from the files
that were written when it was first seen.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.core.files import Json
from earmark.workflow.given import CODE, SETTINGS
from earmark.workflow.sources import SEEN

LONGEST = 40
"""Characters of a value that are shown."""
MOST = 4
"""Changes that are shown one by one."""
_MISSING = object()


def words(before: Sequence[str], now: Sequence[str], folder: Path = Path()) -> list[str]:
    """Return what changed from some params to others, a line each.

    Args:
        before: the params that are not there any more, as Snakemake records them.
        now: those that are new.
        folder: the working directory.

    """
    old, new = [_value(text) for text in before], [_value(text) for text in now]
    lines: list[str] = []
    for place, name in ((CODE, "code"), (SETTINGS, "settings"), (SEEN, "source")):
        left, right = _files(old, place, folder), _files(new, place, folder)
        if left and right:
            lines += _of_settings(left, right) if place is SETTINGS else _of_files(name, left, right)
        elif any(_is_digest(value, place, folder) for value in new):
            lines.append(f"{name} changed")
        old = [value for value in old if not _is_digest(value, place, folder)]
        new = [value for value in new if not _is_digest(value, place, folder)]
    if any(isinstance(value, str) and value.startswith("versions: ") for value in new):
        lines.append("other versions of packages are pinned for it, or it was made without any")
        old, new = ([v for v in values if not str(v).startswith("versions: ")] for values in (old, new))
    if len(old) == len(new) == 1:
        lines.append(f"{_short(old[0])} is now {_short(new[0])}")
    elif old or new:
        lines += [f"a setting is not {_short(value)} any more" for value in old]
        lines += [f"a setting is now {_short(value)}" for value in new]
    if len(lines) > MOST:
        lines[MOST:] = [f"and {len(lines) - MOST} more changes"]
    return lines


def _value(text: str) -> Any:
    """Return the value that Snakemake recorded as text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _is_digest(value: Any, place: Path, folder: Path) -> bool:
    """Whether a param stands for a file of ``place``, or did before the file was removed."""
    if not isinstance(value, str):
        return False
    if place is CODE:
        return re.fullmatch("[0-9a-f]{16}", value) is not None
    return value.startswith(f"{place.as_posix()}/")


def _files(values: Sequence[Any], place: Path, folder: Path) -> list[Json]:
    """Return the content of the files that params stand for."""
    found = []
    for value in values:
        if not _is_digest(value, place, folder):
            continue
        path = folder / (CODE / f"{value}.json" if place is CODE else value)
        if path.is_file():
            content = json.loads(path.read_text())
            found.append(content if isinstance(content, dict) else {"": content})
    return found


def _of_files(what: str, old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield which files of the code or of a source were changed, added or removed."""
    before, now = dict(ChainMap(*map(dict, old))), dict(ChainMap(*map(dict, new)))
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield f"{what} removed: {name}"
        elif name not in before:
            yield f"{what} added: {name}"
        elif before[name] != now[name]:
            yield f"{what} changed: {name}"


def _of_settings(old: Sequence[Json], new: Sequence[Json]) -> Iterator[str]:
    # A rule may read two files; each is compared with the one that it has most keys in common with.
    for content in new:
        nearest = max(old, key=lambda each: len(each.keys() & content.keys()))
        yield from _differences(nearest, content, "")


def _differences(old: Any, new: Any, key: str) -> Iterator[str]:
    """Yield where two settings differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            inner = f"{key}.{name}" if key else str(name)
            yield from _differences(old.get(name, _MISSING), new.get(name, _MISSING), inner)
    elif old != new or type(old) is not type(new):
        if old is _MISSING:
            yield f"{key}: {_short(new)}, not set before"
        elif new is _MISSING:
            yield f"{key}: not set any more, before {_short(old)}"
        else:
            yield f"{key}: {' is now '.join(_apart(old, new))}"


def _apart(old: Any, new: Any) -> tuple[str, str]:
    """Return two values, long ones from shortly before the place where they begin to differ."""
    before, now = _text(old), _text(new)
    same = len(os.path.commonprefix([before, now]))
    start = same - LONGEST // 4
    if start <= LONGEST // 4 or max(len(before), len(now)) <= LONGEST:
        return _short(old), _short(new)
    return _short(f"...{before[start:].lstrip()}"), _short(f"...{now[start:].lstrip()}")


def _short(value: Any) -> str:
    """Return a value as it is read in YAML's flow style, cut where it is long."""
    text = _text(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(text.split())
