"""VoxCeleb 1 and 2: speech of named speakers, labelled with their gender or age group.

Recordings lie in ``wav/<speaker>/``, at any depth. The gender of a speaker stands in the corpus's own
tables and nowhere else: a speaker without one is a failed row, and so is one whose tables disagree.
Ages come from a table of the user's, per speaker or per speaker and video.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from earmark.config.sources.voxceleb import Source
from earmark.core.errors import UserError, nearest
from earmark.core.records import Clip
from earmark.data.sources.corpus import completed, file_of, recording, root_of, side
from earmark.data.sources.recordings import SUFFIXES

GENDERS = {"m": "male", "male": "male", "f": "female", "female": "female"}
AGES = (
    (18, 30, "Young Adult (18-30)"),
    (31, 40, "Early Career (31-40)"),
    (41, 50, "Mid Career (41-50)"),
    (51, 70, "Senior (51-70)"),
    (71, 130, "Elderly (71+)"),
)
"""Groups of AudioMarathon's age task: first and last year, label."""

Found = dict[str, dict[str, str]]
"""Per speaker, or speaker and video: table -> what it says."""


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording, by speaker and name.

    Raises:
        UserError: a folder or table is missing or lacks a column.

    """
    audio = root_of(settings) / settings.audio
    if not audio.is_dir():
        raise UserError(f"data.source.audio: there is no folder {audio}")
    if settings.label == "gender":
        found = _genders([file_of(settings, "tables", name) for name in settings.tables])
    elif settings.age_table is None:
        raise UserError("data.source.age_table: label: age needs a table of ages")
    else:
        found = _ages(file_of(settings, "age_table", settings.age_table), settings)
    return completed(settings, _rows(audio, found, settings, seed), threads)


def _rows(audio: Path, found: Found, settings: Source, seed: int) -> Iterator[Clip]:
    """Yield a row per recording, failed where its label is missing or in doubt."""
    speakers = sorted(path for path in audio.iterdir() if path.is_dir() and path.name.startswith("id"))
    if not speakers:
        raise UserError(f"data.source.audio: {audio} holds no folders id...: one per speaker")
    for folder in speakers:
        split = side(folder.name, settings.test_share, seed)
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
            video = path.relative_to(folder).parts[0]
            said = found.get(f"{folder.name}/{video}") or found.get(folder.name) or {}
            values = set(said.values()) - {""}
            label = values.pop() if len(values) == 1 else "unknown"
            clip = recording(settings, settings.licence, path, label, folder.name, split)
            if path.parent != folder:
                clip.source_id = [f"{folder.name}/{video}"]
            if values:
                clip.fail(f"label conflict ({', '.join(f'{t}: {v}' for t, v in sorted(said.items()))})")
            elif label == "unknown":
                clip.fail(f"no label (no {settings.label} of {folder.name})")
            yield clip


def _read(path: Path, key: str) -> tuple[list[str], list[dict[str, str]]]:
    """Return column names and rows of a table, commas or tabs, cells stripped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            head = stream.readline()
            stream.seek(0)
            rows = csv.reader(stream, delimiter="\t" if "\t" in head else ",")
            names = [name.strip() for name in next(rows, [])]
            return names, [dict(zip(names, (cell.strip() for cell in row))) for row in rows if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"data.source.{key}: {path} is not a readable table ({error})") from None


def _column(path: Path, names: Sequence[str], wanted: str, key: str) -> str:
    """Return a column by its name, whatever its case; raises UserError if there is none."""
    for name in names:
        if name.lower() == wanted.lower():
            return name
    raise UserError(f"data.source.{key}: {path} has no column '{wanted}'; {nearest(wanted, names)}")


def _genders(tables: list[Path]) -> Found:
    """Return what each table says of each speaker; cells that say nothing are left out.

    Raises:
        UserError: a table has no column Gender or none of VoxCeleb ids.

    """
    found: Found = defaultdict(dict)
    for path in tables:
        names, rows = _read(path, "tables")
        gender = _column(path, names, "Gender", "tables")
        ids = [name for name in names if name.lower().startswith("voxceleb") and name.lower().endswith("id")]
        if not ids:
            raise UserError(
                f"data.source.tables: {path} has no column of VoxCeleb ids, such as 'VoxCeleb1 ID'"
            )
        for row in rows:
            value = GENDERS.get(row.get(gender, "").lower())
            if value:
                _note(found[row.get(ids[0], "")], path.name, value)
    return found


def _ages(path: Path, settings: Source) -> Found:
    """Return the age group of each speaker, or speaker and video; ages outside the groups are left out.

    Raises:
        UserError: a column is missing.

    """
    names, rows = _read(path, "age_table")
    speaker = _column(path, names, settings.age_speaker_column, "age_speaker_column")
    age = _column(path, names, settings.age_column, "age_column")
    video = settings.age_video_column
    video = video and _column(path, names, video, "age_video_column")
    found: Found = defaultdict(dict)
    for row in rows:
        group = _age_group(row.get(age, ""))
        name = f"{row.get(speaker)}/{row.get(video)}" if video else row.get(speaker, "")
        if group:
            _note(found[name], path.name, group)
    return found


def _note(said: dict[str, str], table: str, value: str) -> None:
    """Add what a table says; a table that contradicts itself is heard twice."""
    if said.setdefault(table, value) != value:
        said[f"{table}, again"] = value


def _age_group(text: str) -> str | None:
    """Return the age group of a cell, None if it holds no age of a grown-up."""
    try:
        years = int(float(text))
    except (ValueError, OverflowError):
        return None
    return next((label for low, high, label in AGES if low <= years <= high), None)
