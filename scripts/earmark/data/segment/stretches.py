"""Clips of one recording each: the whole of it, windows of equal length, or the stretches of a list."""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from earmark.audio.decoded import MIN_SECONDS
from earmark.config.forming import Cuts, Forming, Whole, Windows
from earmark.core.errors import UserError, nearest
from earmark.core.external_sort import lookup
from earmark.core.records import UNUSED, Clip, Part, Span

LONGEST_SLUG = 60
SLACK = 1e-6
"""Seconds by which sums of decimal numbers may be off."""

Cut = tuple[str, str, str]
"""A row of a cut list: start, end and label as they stand in it."""


def slug(text: str) -> str:
    """Return a name safe in a file, a tar and a shell: letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:LONGEST_SLUG] or "class"


def cut(recordings: Iterable[Clip], form: Forming) -> Iterator[Clip]:
    """Yield the clips of recordings taken one by one: kinds ``whole``, ``windows`` and ``cuts``.

    For recordings that come in several lists, shard by shard: keys follow from the recordings' ids,
    so they don't depend on what else is in the list. Recordings that failed pass as they are.

    Raises:
        UserError: the kind needs all recordings at once, or the cut list is no table.

    """
    if form.kind == "join" or form.kind == "sequence":
        raise UserError(
            "data.segment: recordings fetched shard by shard are not joined; use whole or windows"
        )
    return made(recordings, form, numbered=False)


def made(
    recordings: Iterable[Clip], form: Whole | Windows | Cuts, *, numbered: bool = True
) -> Iterator[Clip]:
    """Yield the clips of every recording; ``numbered`` names them by its place in the list.

    Raises:
        UserError: the cut list is missing or no table.

    """
    table = form.table if form.kind == "cuts" else None
    with lookup(_table(Path(table))) if table else nullcontext() as listed:
        number = 0
        for recording in recordings:
            if not recording.ok:
                yield recording
                continue
            recording.key = _key(recording, number if numbered else None)
            number += 1
            if form.kind == "whole":
                yield recording
            elif form.kind == "windows":
                yield from _windows(recording, form)
            else:
                yield from _cuts(recording, listed)


def _key(recording: Clip, number: int | None) -> str:
    """Return a recording's name in a tar: by its place in the list, or by its id alone."""
    word = slug(recording.labels[0] if recording.labels else recording.clip_id)
    if number is not None:
        return f"{recording.split}-{number:07d}-{word}"
    if slug(recording.clip_id) == recording.clip_id:
        return recording.clip_id
    return f"{recording.split}-{hashlib.sha256(recording.clip_id.encode()).hexdigest()[:16]}-{word}"


def stretch(recording: Clip, start_s: float, end_s: float) -> tuple[list[Part], list[Span]]:
    """Return the parts and spans of ``[start_s, end_s)`` seconds of a recording, spans in its own time."""
    parts, at = [], 0.0
    for part in recording.parts:
        length = part.end_s - part.start_s
        low, high = max(start_s - at, 0.0), min(end_s - at, length)
        if high - low > SLACK:
            parts.append(Part(part.path, part.start_s + low, part.start_s + high))
        at += length
    return parts, clipped(recording.spans, start_s, end_s)


def clipped(spans: Iterable[Span], start_s: float, end_s: float, at_s: float = 0.0) -> list[Span]:
    """Return what of the spans lies in ``[start_s, end_s)``, in the time of a clip it starts at ``at_s``."""
    inside = ((max(s.start_s, start_s), min(s.end_s, end_s), s.label) for s in spans)
    return [Span(a - start_s + at_s, b - start_s + at_s, label) for a, b, label in inside if b - a > SLACK]


def _piece(recording: Clip, number: int, start_s: float, end_s: float) -> Clip:
    """Return ``[start_s, end_s)`` of a recording as a clip of its own."""
    parts, spans = stretch(recording, start_s, end_s)
    return replace(
        recording,
        clip_id=f"{recording.clip_id}#{number:04d}",
        key=f"{recording.key}-{number:04d}",
        parts=parts,
        spans=spans,
        duration_s=end_s - start_s,
        sha256="",  # that of the whole file says nothing of a piece
    )


def _windows(recording: Clip, form: Windows) -> Iterator[Clip]:
    """Yield windows of ``window_s`` seconds every ``hop_s``, and what is left after the last of them."""
    window = form.window_s
    hop, length = form.hop_s or window, recording.duration_s
    count = max(0, math.floor((length - window + SLACK) / hop) + 1)
    for number in range(count):
        start = number * hop
        yield _piece(recording, number, start, min(start + window, length))
    start = count * hop
    if length - start <= SLACK or (count and length - (start - hop + window) <= SLACK):
        return
    rest = _piece(recording, count, start, length)
    least = max(form.min_s or 0.0, MIN_SECONDS)
    if form.rest == "drop":
        rest.status, rest.reason = UNUSED, f"rest of a window ({rest.duration_s:.2f} s)"
    elif rest.duration_s < least - SLACK:
        rest.status, rest.reason = UNUSED, f"rest too short ({rest.duration_s:.2f} s, at least {least:g})"
    yield rest


def _cuts(recording: Clip, listed: Callable[[str], list[Cut]] | None) -> Iterator[Clip]:
    """Yield the stretches the table lists for a recording; without a table, each of its parts."""
    if listed is None:
        at = 0.0
        for number, part in enumerate(recording.parts):
            end = at + part.end_s - part.start_s
            yield _piece(recording, number, at, end)
            at = end
        return
    rows = listed(recording.clip_id)
    if not rows:
        recording.status, recording.reason = UNUSED, "not in the cut list"
        yield recording
    for number, row in enumerate(rows):
        yield _listed(recording, number, *row)


def _listed(recording: Clip, number: int, start: str, end: str, label: str) -> Clip:
    """Return one row of the cut list as a clip, failed if it can't be cut so."""
    try:
        low, high = float(start), float(end)
    except ValueError:
        low = high = math.nan
    fits = 0 <= low < high <= recording.duration_s + 0.01
    piece = _piece(recording, number, low if fits else 0.0, min(high, recording.duration_s) if fits else 0.0)
    if label:
        piece.labels = [label]
        piece.key = f"{recording.split}-{recording.key.split('-')[1]}-{slug(label)}-{number:04d}"
    if not fits:
        piece.parts = recording.parts
        piece.fail(f"bad cut ({start[:20]} to {end[:20]} s of {recording.duration_s:.2f} s)")
    return piece


def _table(path: Path) -> Iterator[tuple[str, Cut]]:
    """Yield file and cut of every row of a cut list.

    Raises:
        UserError: it is missing, is no table, or lacks a column.

    """
    where = "data.segment: table"
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream, delimiter="\t" if path.suffix == ".tsv" else ",")
            for column in ("file", "start_s", "end_s"):
                if column not in (rows.fieldnames or ()):
                    hint = nearest(column, rows.fieldnames or ())
                    raise UserError(f"{where}: {path} has no column '{column}'; {hint}")
            for row in rows:
                yield row["file"] or "", (row["start_s"] or "", row["end_s"] or "", row.get("label") or "")
    except FileNotFoundError:
        raise UserError(f"{where}: there is no file {path}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{where}: {path} is not a readable table ({error})") from None
