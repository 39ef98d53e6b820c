"""A user's own folder: audio files and a table of file and label, or audio files sorted into folders.

Recordings are split by source: the split of a recording is a function of its group (by default the
file itself), so cuts of one original recording never end up on both sides.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import re2

from earmark.config.sources.folder import Source
from earmark.core.errors import UserError, nearest
from earmark.core.records import Clip
from earmark.data.sources.dealing import Seen
from earmark.data.sources.identity import dealt
from earmark.data.sources.recordings import SUFFIXES, one_spelling, shown, with_headers
from earmark.data.sources.rows import read_rows

JUNK = ("__MACOSX",)
"""What archivers leave behind, besides names that begin with a dot."""

QUIET = re2.Options()
QUIET.log_errors = False

COLUMNS = ("file_column", "label_column", "licence_column", "split_column")


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording of the table or the folder, split by source.

    Raises:
        UserError: the folder, the table or a column is missing, the pattern doesn't match, or a
            class would be left without training or test recordings.

    """
    root = settings.place
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    group = _grouping(settings.group_pattern)
    if settings.table is None:
        halves = all((root / half).is_dir() for half in ("train", "test"))
        listed, deal = _found(root, settings, group, halves), not halves
    else:
        listed, deal = _tabled(root, settings.table, settings, group), not settings.split_column
    clips = with_headers(listed, root, threads, hub=settings.hub is not None)
    yield from dealt(clips, settings.test_share, seed) if deal else clips


def _clip(root: Path, name: str, label: str, group: str, split: str, licence: str) -> Clip:
    """Return a recording whose file has not been looked at yet."""
    return Clip.unread(root / name, name, split, [label], source_id=[group], licence=licence)


def _tabled(root: Path, table: str, settings: Source, group: Callable[[str], str]) -> Iterator[Clip]:
    """Yield the recordings of the table, checking what the user named."""
    path, seen = root / table, Seen()
    checked = False
    for row in read_rows(path, "data.source.table"):
        if not checked:
            _check_columns(path, settings, list(row.cells))
            checked = True
        name = one_spelling(str(row.cells[settings.file_column]))
        if seen.before(name, row.place):
            raise UserError(f"data.source.table: {path}, {row.place} lists '{shown(name)}' more than once")
        split, licence = (
            str(row.cells[column]) if column else ""
            for column in (settings.split_column, settings.licence_column)
        )
        yield _clip(
            root,
            name,
            str(row.cells[settings.label_column]),
            group(name),
            split,
            licence or settings.licence,
        )


def _check_columns(path: Path, settings: Source, known: list[str]) -> None:
    """Refuse a column that the table doesn't have."""
    for key in COLUMNS:
        column = getattr(settings, key)
        if column and column not in known:
            raise UserError(f"data.source.{key}: {path} has no column '{column}'; {nearest(column, known)}")


def _found(root: Path, settings: Source, group: Callable[[str], str], halves: bool) -> Iterator[Clip]:
    """Yield every audio file below ``root``, sorted; its folder's name is its label.

    With ``halves`` the folders ``train`` and ``test`` at the top are the splits, and no others count.
    """
    found, passed = False, Counter[str]()
    for split in ("train", "test") if halves else ("",):
        for folder, folders, files in os.walk(root / split):
            folders[:] = sorted(name for name in folders if not _junk(name))
            for file in sorted(files):
                path = Path(folder, file)
                if _junk(file):
                    continue
                if path.suffix.lower() not in SUFFIXES:
                    passed[path.suffix.lower() or "no suffix"] += 1
                    continue
                inside = path.relative_to(root / split)
                if len(inside.parts) == 1:
                    raise UserError(
                        f"data.source.root: {shown(str(path))} is in no folder that names its label; "
                        "sort the files into folders, or give a table"
                    )
                name = path.relative_to(root).as_posix()
                found = True
                yield _clip(root, name, shown(path.parent.name), group(name), split, settings.licence)
    if passed:
        named = ", ".join(f"{count} of {shown(suffix)}" for suffix, count in passed.most_common())
        print(f"{root}: passed over as no audio by their names: {named}", flush=True)
    if not found:
        raise UserError(f"data.source.root: no audio file below {root} ({', '.join(sorted(SUFFIXES))})")


def _junk(name: str) -> bool:
    """Whether a name is an operating system's or an archiver's own."""
    return name.startswith(".") or name in JUNK


def _grouping(pattern: str | None) -> Callable[[str], str]:
    """Return what names the original recording behind a file."""
    if pattern is None:
        return shown
    try:
        # Linear in the length of a name, whatever the pattern.
        compiled = re2.compile(pattern, QUIET)
    except re2.error as error:
        raise UserError(
            f"data.source.group_pattern: '{pattern}' is no regular expression of RE2 ({shown(str(error))}); "
            "it knows no lookahead, lookbehind or back reference"
        ) from None

    def group(name: str) -> str:
        match = compiled.search(Path(name).name)
        if match is None:
            raise UserError(
                f"data.source.group_pattern: '{pattern}' does not match the file name "
                f"'{shown(Path(name).name)}'"
            )
        return shown((match.group(1) if match.groups() else match.group(0)) or "")

    return group
