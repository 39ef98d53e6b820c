"""Benchmarks of multiple-choice questions over recordings: one loader for MMAU, MMAR, MMSU, AIR-Bench, BLAB.

An item is (id, recordings, question, options, answer, facets). Several recordings of an item are heard one
after the other. The answer is the text of an option, its letter or its number; an item whose answer is
none of its options is kept as failed, never guessed at. Items without options ask for a number. Lists that
give addresses come without sound: their items are wanted, and fetched one by one later.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from earmark.config.sources.choices import Source
from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.core.records import WANTED, Clip, Part
from earmark.data.sources.recordings import label_problem, label_text, one_spelling, shown, with_headers
from earmark.data.sources.rows import Row, read_rows
from earmark.scoring.counted import bounds
from earmark.scoring.groups import joined
from earmark.scoring.question import LETTERS

KEY = re.compile(r"\{([^{}]+)\}")
"""A key in the path of a recording."""


def wanted(settings: Source) -> list[str]:
    """Return which files of a hub data set are needed: the lists, and the recordings below the folder."""
    if settings.fetched:
        return _lists(settings)
    folder = settings.folder
    return [*_lists(settings), f"{folder}/*" if folder else "*"]


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one clip for each item, in the order of the lists; all are of the test split.

    Raises:
        UserError: a list or key is missing or unreadable, a recording is named outside the folder, an id
            stands twice.

    """
    root = settings.place
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    if settings.columns.url is not None:
        yield from (_addressed(settings.columns.url, *found) for found in _items(settings, root))
        return
    parts = with_headers(_recordings(settings, root), root, threads, hub=settings.hub is not None)
    for _, each in groupby(parts, key=lambda clip: clip.key):
        yield _together(list(each))


def _lists(settings: Source) -> list[str]:
    names = settings.lists
    return [names] if isinstance(names, str) else names


def _recordings(settings: Source, root: Path) -> Iterator[Clip]:
    """Yield a clip for each recording of each item; those of one item follow each other, with one key."""
    for clip, files, _ in _items(settings, root):
        for file in files or [""]:
            at = _there(root / settings.folder / one_spelling(file))
            yield replace(clip, parts=[Part(str(at), 0.0, 0.0)], source_id=[shown(file) or clip.clip_id])


def _items(settings: Source, root: Path) -> Iterator[tuple[Clip, list[str], Row]]:
    """Yield each item as a clip without its recordings, the names of these, and its row."""
    seen: dict[str, str] = {}
    for name in _lists(settings):
        path = root / name
        for number, row in enumerate(read_rows(path, "data.source.lists")):
            _check_keys(path, row, settings)
            if any(str(row.cells.get(key)) not in values for key, values in settings.only.items()):
                continue
            clip, files = _item(path, row, settings)
            clip.key = f"{name}:{number}"
            if clip.clip_id in seen:
                raise UserError(
                    f"data.source.lists: {path}, {row.place}: the id '{shown(clip.clip_id)}' stands in "
                    f"{seen[clip.clip_id]} too; give each item its own"
                )
            seen[clip.clip_id] = f"{name}, {row.place}"
            yield clip, files, row


def _addressed(key: str, clip: Clip, files: list[str], row: Row) -> Clip:
    """Return an item whose one recording is to be fetched whole, from the address in a cell."""
    address = row.cells[key]
    plain = isinstance(address, str) and re.fullmatch(r"https?://[!-~]+", address)
    clip.clip_id, clip.key = shown(clip.clip_id), ""
    clip.source_id = [shown(file) for file in files] or [clip.clip_id]
    if clip.ok and not plain:
        clip.fail(f"no address ({shown(str(address))[:80]!r})")
    if plain:
        clip.parts, clip.origin = [Part(address, 0.0, 0.0)], urlsplit(address).hostname or ""
    if clip.ok:
        clip.status = WANTED
    return clip


def _there(path: Path) -> Path:
    """Return where a recording is: lists name some as they were before they were packed as FLAC."""
    packed = path.with_suffix(".flac")
    return packed if packed.is_file() and not path.is_file() else path


def _check_keys(path: Path, row: Row, settings: Source) -> None:
    """Refuse an item without one of the keys; those of facets may be missing."""
    columns = settings.columns
    each = [(role, key) for role, key in (("id", columns.id), ("url", columns.url)) if key is not None]
    each += [("question", columns.question), ("answer", columns.answer)]
    each += [("audio", key) for key in KEY.findall(columns.audio) or [columns.audio]]
    if isinstance(columns.options, str):
        each.append(("options", columns.options))
    for role, key in each:
        if key not in row.cells:
            raise UserError(
                f"data.source.columns.{role}: {path}, {row.place} has no '{key}'; {nearest(key, row.cells)}"
            )


def _item(path: Path, row: Row, settings: Source) -> tuple[Clip, list[str]]:
    """Return an item as a clip without its recordings, and the paths of these."""
    columns = settings.columns
    asked, right = row.cells[columns.question], row.cells[columns.answer]
    name = f"{path.stem} {row.place}" if columns.id is None else row.cells[columns.id]
    options = [_text(path, row, each) for each in _options(row.cells, columns.options)]
    files = [_text(path, row, each) for each in _files(row.cells, columns.audio)]
    answer = str(right) if isinstance(right, list) else _text(path, row, right)
    facets = {facet: row.cells.get(key) for facet, key in settings.facets.items()}
    clip = Clip(
        clip_id=_text(path, row, name),
        source_id=[],
        parts=[],
        duration_s=0.0,
        sample_rate=0,
        channels=0,
        split="test",
        labels=_labels(answer, options, columns.options is None),
        text=_text(path, row, asked),
        options=options,
        licence=settings.licence,
        group=joined(
            {name: None if value is None else _text(path, row, value) for name, value in facets.items()}
        ),
    )
    if not files:
        clip.fail("no file named")
    elif not clip.labels:
        wanted_ = "no number" if columns.options is None else "none of the options"
        clip.fail(f"no label (the answer is {wanted_})")
    return clip, files


def _options(cells: Json, keys: str | list[str] | None) -> list[Any]:
    """Return an item's options: a list, or the cells of several keys that have something."""
    if isinstance(keys, list):
        return [cells[key] for key in keys if cells.get(key) not in (None, "")]
    return [] if keys is None else _listed(cells[keys])


def _files(cells: Json, name: str) -> list[Any]:
    """Return an item's recordings: a cell's, or a path that cells are put into."""
    if not KEY.search(name):
        return _listed(cells[name])
    return [KEY.sub(lambda match: str(cells[match[1]]), name)]


def _labels(answer: str, options: list[str], counted: bool) -> list[str]:
    """Return the right answer as it is scored; nothing if it can't be."""
    if counted:
        return [answer] if bounds(answer) is not None else []
    right = chosen(answer, options)
    return [] if right is None else [options[right]]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _text(path: Path, row: Row, value: Any) -> str:
    if problem := label_problem(value):
        raise UserError(f"data.source.lists: {path}, {row.place}: {shown(str(value))[:40]!r} is {problem}")
    return label_text(value)


def chosen(answer: str, options: list[str]) -> int | None:
    """Return which option an answer key names, by its text, its letter or its number from 0; or None."""
    plain = [option.strip().casefold() for option in options]
    wanted_ = answer.strip().casefold()
    if plain.count(wanted_) == 1:
        return plain.index(wanted_)
    letter = wanted_.strip("().: ").upper()
    if len(letter) == 1 and letter in LETTERS[: len(options)]:
        return LETTERS.index(letter)
    return int(letter) if letter.isdecimal() and int(letter) < len(options) else None


def _together(clips: list[Clip]) -> Clip:
    """Return an item's recordings as one clip; failed if one of them is."""
    first = clips[0]
    broken = next((clip for clip in clips if not clip.ok), None)
    whole = replace(
        first,
        key="",
        parts=[part for clip in clips for part in clip.parts],
        source_id=list(dict.fromkeys(name for clip in clips for name in clip.source_id)),
        duration_s=sum(clip.duration_s for clip in clips),
        channels=max(clip.channels for clip in clips),
        sha256=first.sha256 if len(clips) == 1 else _digest(clips),
    )
    if broken is not None:
        whole.fail(broken.reason)
    return whole


def _digest(clips: list[Clip]) -> str:
    return hashlib.sha256(" ".join(clip.sha256 for clip in clips).encode()).hexdigest()
