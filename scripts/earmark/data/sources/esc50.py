"""ESC-50 as published, or its part ESC-10: recordings of five seconds, a class and a fold each.

Read from ``meta/esc50.csv`` where the folder has it (github.com/karolpiczak/ESC-50), and otherwise from the
files' names: ``fold-clip-take`` in a folder per class (github.com/karolpiczak/ESC-10), or the class before
them in the name. ``clip`` is the original recording on freesound, all takes of which are in one fold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from earmark.config.sources.esc50 import Source
from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.sources.recordings import SUFFIXES, with_headers
from earmark.data.sources.rows import read_rows

TABLE = Path("meta") / "esc50.csv"
NAME = re.compile(r"(?:(?P<label>[a-z_]+)_)?(?P<fold>[1-5])-(?P<clip>\d+)-(?P<take>[A-Z])(?:-\d+)?\.\w+")
ESC10 = {
    "chainsaw": ("chainsaw",),
    "clock_tick": ("clock_tick",),
    "crackling_fire": ("fire_crackling",),
    "crying_baby": ("baby_cry",),
    "dog": ("dog_bark",),
    "helicopter": ("helicopter",),
    "rain": ("rain",),
    "rooster": ("rooster",),
    "sea_waves": ("sea_waves",),
    "sneezing": ("person_sneeze",),
}
"""The classes of ESC-10 as ESC-50 spells them, and how ESC-10 does."""
_SPELLED = {old: new for new, olds in ESC10.items() for old in (new, *olds)}


class _Recording(NamedTuple):
    """One recording: its file below root, its class, its fold and the original recording it is cut from."""

    file: str
    label: str
    fold: str
    clip: str


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording, by name; the group is the fold.

    Raises:
        UserError: the folder is missing, or holds no recording of a split's folds.
    """
    root = settings.place
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    found = list(_tabled(root) if (root / TABLE).is_file() else _named(root))
    if settings.esc10:
        found = [each for each in found if each.label in ESC10]
    splits: dict[str, str] = {fold: split for split, folds in settings.folds.items() for fold in folds}
    chosen = sorted(each for each in found if each.fold in splits)
    for split, folds in settings.folds.items():
        if not any(each.fold in folds for each in chosen):
            there = ", ".join(sorted({each.fold for each in found})) or "none"
            raise UserError(
                f"data.source.folds.{split}: {root} has no recording of fold {' or '.join(folds)} "
                f"(there: {there}); name folds that are there, or another root"
            )
    licence = "CC-BY-NC-3.0" if (root / TABLE).is_file() else "CC-BY-3.0"
    clips = (
        Clip.unread(
            root / each.file,
            each.file,
            splits[each.fold],
            [each.label],
            source_id=[each.clip],
            group=each.fold,
            licence=licence,
        )
        for each in chosen
    )
    yield from with_headers(clips, root, threads)


def _tabled(root: Path) -> Iterator[_Recording]:
    """Yield the rows of ESC-50's own table."""
    for row in read_rows(root / TABLE, "data.source.root"):
        try:
            cells = {name: str(row.cells[name]) for name in ("filename", "category", "fold", "src_file")}
        except KeyError as error:
            raise UserError(f"{root / TABLE}, {row.place}: no column {error}; fetch ESC-50 again") from None
        yield _Recording(f"audio/{cells['filename']}", cells["category"], cells["fold"], cells["src_file"])


def _named(root: Path) -> Iterator[_Recording]:
    """Yield the files whose names say fold and original; their class is in the name or the folder's."""
    for path in root.rglob("*"):
        match = NAME.fullmatch(path.name)
        if match is None or path.suffix.lower() not in SUFFIXES:
            continue
        word = match["label"] or re.sub(r"^\d+ - ", "", path.parent.name).strip().lower().replace(" ", "_")
        label = _SPELLED.get(word, word)
        yield _Recording(path.relative_to(root).as_posix(), label, match["fold"], match["clip"])
