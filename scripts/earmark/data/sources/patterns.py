"""Patterns of file names: files found, the nearest name where nothing is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from earmark.config.source import Patterns
from earmark.config.values import Split
from earmark.core.errors import UserError
from earmark.data.sources.braces import expanded
from earmark.data.sources.recordings import name_problem


def closest(name: str, known: Sequence[str]) -> str:
    """Return a hint naming what is nearest to a path among, maybe, very many."""
    close = difflib.get_close_matches(name, known[:20_000], n=1, cutoff=0.5)
    if close:
        return f"nearest: {close[0]}"
    tops = sorted({PurePosixPath(path).parts[0] for path in known})
    return f"at the top: {', '.join(tops[:12])}{' ...' if len(tops) > 12 else ''}" if tops else "it is empty"


def matching(root: Path, splits: Mapping[Split, Patterns]) -> dict[str, list[str]]:
    """Return the files below ``root`` of each split, sorted: patterns with braces, ``*`` and ``?``.

    Raises:
        UserError: no such folder, a pattern leads out of it or matches nothing, a file is in two splits.

    """
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    found: dict[str, list[str]] = {}
    owner: dict[str, str] = {}
    for split, patterns in splits.items():
        where, names = f"data.source.splits.{split}", set[str]()
        for pattern in expanded([patterns] if isinstance(patterns, str) else patterns, where):
            if not pattern or name_problem(pattern):
                raise UserError(f"{where}: '{pattern}' leads out of the folder")
            paths = [root / pattern] if (root / pattern).is_file() else root.glob(pattern)
            matches = [path.relative_to(root).as_posix() for path in paths if path.is_file()]
            if not matches:
                known = [p.relative_to(root).as_posix() for p in sorted(root.rglob("*")) if p.is_file()]
                raise UserError(
                    f"{where}: no file below {root} matches '{pattern}'; {closest(pattern, known)}"
                )
            names.update(matches)
        for name in names:
            if owner.setdefault(name, split) != split:
                raise UserError(f"{where}: {name} is in split '{owner[name]}' too")
        found[split] = sorted(names)
    return found


def wanted_of(splits: Mapping[Split, Patterns]) -> list[str]:
    """Return the patterns of the archives of all splits: what a hub data set must send."""
    return [
        pattern
        for patterns in splits.values()
        for pattern in ([patterns] if isinstance(patterns, str) else patterns)
    ]
