"""Lists of recordings: CSV, TSV, JSON, JSON Lines or Parquet, with any column names.

The lists of AudioSep (``{"data": [{"wav", "caption"}]}``) and AST (``{"data": [{"wav", "labels"}]}``)
are read as they are. A row may be a whole file or a cut of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.config.sources.list import Source
from earmark.core.errors import UserError, nearest
from earmark.core.records import Clip, Part
from earmark.data.sources import times
from earmark.data.sources.dealing import Deal, Seen
from earmark.data.sources.identity import dealt
from earmark.data.sources.recordings import label_problem, label_text, one_spelling, shown, with_headers
from earmark.data.sources.rows import Row, read_rows

KNOWN = {
    "file": ("file", "wav", "path", "audio", "audio_path", "file_name", "filename"),
    "label": ("label", "labels", "category", "class"),
    "text": ("text", "caption", "transcript", "question"),
    "licence": ("licence", "license"),
    "options": ("options", "choices"),
}
"""What columns are called where config doesn't say; of the others, none is guessed."""

COLUMNS = (*KNOWN, *times.ROLES, "split", "source", "group", "id")


@dataclass(frozen=True)
class _Reader:
    """One list, its columns found."""

    path: Path
    split: str
    columns: dict[str, str]
    settings: Source

    def rows(self) -> Iterator[Row]:
        """Yield the rows; may be called again."""
        yield from read_rows(self.path, "data.source.lists", self.settings.encoding)

    def cell(self, row: Row, role: str) -> Any:
        """Return what a row has in the column of a role; empty where there is no such column."""
        column = self.columns.get(role)
        if column is None:
            return ""
        if column not in row.cells:
            if role in ("file", "label", "split"):
                raise self.error(row, f"there is no '{column}'")
            return ""
        value = row.cells[column]
        return "" if value is None else value

    def error(self, row: Row, what: str) -> UserError:
        """Return an error that names the row."""
        return UserError(f"data.source.lists: {self.path}, {row.place}: {what}")

    def name(self, row: Row, role: str) -> str:
        """Return a cell as one text."""
        value = self.cell(row, role)
        if isinstance(value, (list, dict)):
            raise self.error(row, f"'{self.columns[role]}' is not a text")
        return self.word(row, role, value) if isinstance(value, bytes) else str(value)

    def file(self, row: Row) -> str:
        """Return the name of the row's file."""
        return one_spelling(self.name(row, "file"))

    def words(self, row: Row, role: str) -> list[str]:
        """Return a cell as several texts: a list of them, or one text parted by its separator."""
        value = self.cell(row, role)
        separator = self.settings.label_separator if role == "label" else self.settings.options_separator
        if isinstance(value, list):
            return [self.word(row, role, item) for item in value if item is not None]
        if isinstance(value, str) and separator:
            return [self.word(row, role, word.strip()) for word in value.split(separator) if word.strip()]
        return [] if value == "" else [self.word(row, role, value)]

    def word(self, row: Row, role: str, value: Any) -> str:
        """Return one of a cell's values as text; raises UserError for what can be no name."""
        if problem := label_problem(value):
            raise self.error(row, f"'{self.columns[role]}' is {problem}")
        return label_text(value)

    def seconds(self, row: Row, role: str) -> float:
        """Return a cell as seconds, 0 where it is empty."""
        value = self.cell(row, role)
        try:
            seconds = float(value) if value != "" else 0.0
        except (TypeError, ValueError, OverflowError):
            seconds = math.nan
        if not (math.isfinite(seconds) and seconds >= 0):
            raise self.error(
                row, f"'{self.columns[role]}' is no number of seconds ({shown(str(value))[:40]})"
            )
        return seconds * times.seconds_of(self.columns[role], self.settings.time_unit) if seconds else 0.0


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per row of the lists, in their order.

    Raises:
        UserError: a list or column is missing or unreadable, a file is named by a URL or, unless
            allowed, an absolute path, an id stands twice, too few recordings to share out.

    """
    root, hub = settings.place, settings.hub is not None
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    if settings.absolute and hub:
        raise UserError("data.source.absolute: a data set on the hub can't name files of this machine")
    readers = [
        _reader(root / name, split, settings) for split, names in _lists(settings).items() for name in names
    ]
    # One list that says nothing of splits is shared out here.
    deal, share = isinstance(settings.lists, str) and "split" not in readers[0].columns, 0.0
    if deal:
        share = settings.test_share
        Deal(_originals(readers[0]), share, seed)  # says what can't be dealt before any file is read
    clips = with_headers(_clips(readers, root, deal), None if settings.absolute else root, threads, hub=hub)
    yield from dealt(clips, share, seed) if deal else clips


def _lists(settings: Source) -> dict[str, list[str]]:
    """Return the files of each split; one list alone stands under no split."""
    lists = settings.lists
    if isinstance(lists, str):
        return {"": [lists]}
    return {split: [names] if isinstance(names, str) else names for split, names in lists.items()}


def _reader(path: Path, split: str, settings: Source) -> _Reader:
    """Find a list's columns: those config names, else the known ones."""
    first = next(read_rows(path, "data.source.lists", settings.encoding))
    asked, columns = settings.columns.plain(), {}
    for role in COLUMNS:
        if role in asked:
            name = asked[role]
            if name is not None and name not in first.cells:
                raise UserError(
                    f"data.source.columns.{role}: {path} has no column '{name}'; {nearest(name, first.cells)}"
                )
        else:
            name = next((known for known in KNOWN.get(role, ()) if known in first.cells), None)
        if name is not None:
            columns[role] = name
    columns |= times.found(first.cells, asked, str(path))
    if "file" not in columns:
        raise UserError(
            f"data.source.columns.file: {path} has none of the columns {', '.join(KNOWN['file'])}; say which "
            f"holds the file ({nearest('file', first.cells)})"
        )
    if "label" not in columns and "text" not in columns:
        raise UserError(
            f"data.source.columns.label: {path} has neither labels nor texts; say which column holds them "
            f"({nearest('label', first.cells)})"
        )
    guessed = [columns[role] for role in times.ROLES if role in columns and role not in asked]
    if guessed and not set(times.ROLES).issuperset(guessed):
        print(f"{path}: {' and '.join(guessed)} taken for the stretch of a file that a row is", flush=True)
    return _Reader(path, split, columns, settings)


def _original(reader: _Reader, row: Row) -> str:
    """Return the name of the original recording: the file, unless a column says."""
    return reader.name(row, "source") or reader.file(row)


def _originals(reader: _Reader) -> Iterator[tuple[str, str]]:
    """Yield (original recording, class) of every row."""
    for row in reader.rows():
        labels = reader.words(row, "label")
        yield _original(reader, row), labels[0] if labels else ""


def _clips(readers: list[_Reader], root: Path, deal: bool) -> Iterator[Clip]:
    """Yield the rows as clips, their files not looked at yet."""
    seen = Seen()
    for reader in readers:
        for row in reader.rows():
            clip = _clip(reader, row, root, deal)
            if place := seen.before(clip.clip_id, f"{reader.path.name}, {row.place}"):
                raise reader.error(
                    row,
                    f"the id '{shown(clip.clip_id)}' stands in {place} too; "
                    "say data.source.columns.id if a file may be listed twice",
                )
            yield clip


def _clip(reader: _Reader, row: Row, root: Path, deal: bool) -> Clip:
    """Return a row as a clip."""
    file = reader.file(row)
    if re.match("[A-Za-z][A-Za-z0-9+.-]*://", file):
        raise reader.error(row, f"'{shown(file)[:60]}' is an address; use kind youtube, or download it first")
    if Path(file).is_absolute() and not reader.settings.absolute:
        raise reader.error(
            row,
            f"'{shown(file)[:60]}' is an absolute path; set data.source.absolute for a list you trust",
        )
    start_s = reader.seconds(row, "start_s")
    end_s = reader.seconds(row, "end_s") or (
        start_s + length if (length := reader.seconds(row, "duration_s")) else 0.0
    )
    cut = f"@{start_s:g}-{end_s:g}" if start_s or end_s else ""
    split = reader.split
    if not (split or deal):
        split = reader.name(row, "split")
    clip = Clip(
        clip_id=reader.name(row, "id") or file + cut,
        source_id=[_original(reader, row)],
        parts=[Part(str(root / reader.settings.folder / file), start_s, end_s)],
        duration_s=0.0,
        sample_rate=0,
        channels=0,
        split=reader.settings.split_names.get(split, split),
        labels=reader.words(row, "label"),
        text=reader.name(row, "text"),
        options=reader.words(row, "options"),
        licence=reader.name(row, "licence") or reader.settings.licence,
        group=reader.name(row, "group"),
    )
    if not (clip.split or deal):
        raise reader.error(row, "the split is empty")
    if not file:
        clip.fail("no file named")
    elif "label" in reader.columns and not clip.labels:
        clip.fail("no label")
    return clip
