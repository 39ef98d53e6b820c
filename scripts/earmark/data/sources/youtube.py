"""Segments of recordings on the web, listed as AudioSet lists them; one row per segment wanted.

A list has comment lines, then ``id, start, end, "mid,mid"``; the classes are ``index,mid,display_name``.
Nothing is fetched here but the lists: the rows have status ``wanted`` and the address of their
recording. ``labels`` are display names, in the list's order; ``text`` holds their codes (mids),
joined by ``;``, which stay the same when a display name is reworded.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from earmark.core.errors import UserError
from earmark.core.records import WANTED, Clip, Part
from earmark.data.fetch.table import local

PLAUSIBLE = re.compile(r"[A-Za-z0-9_-]{1,64}")
YOUTUBE = re.compile(r"[A-Za-z0-9_-]{11}")


def collect(settings: dict[str, Any], folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per segment of every list, as they are read.

    ``settings``: ``lists`` (split -> path or address), ``classes``, ``url``, ``licence``. An id that
    cannot be one is a failed row.

    Raises:
        UserError: a list cannot be had, or a line of it isn't a segment, has a class that isn't
            listed, or an id that was there before.

    """
    classes = read_classes(local(settings["classes"], folder, "classes.csv", "data.source.classes"))
    host = urlsplit(settings["url"]).hostname or ""
    youtube = host == "youtu.be" or host == "youtube.com" or host.endswith(".youtube.com")
    paths, seen = {}, array("Q")
    for split, place in settings["lists"].items():
        paths[split] = path = local(place, folder, f"{split}.csv", f"data.source.lists.{split}")
        for line, name, start_s, end_s, mids in segments(path):
            unknown = next((mid for mid in mids if mid not in classes), None)
            if unknown is not None:
                raise UserError(f"{path}, line {line}: class {unknown!r} is not in data.source.classes")
            seen.append(_hash(name))
            clip = Clip(
                clip_id=f"Y{_safe(name)}_{round(start_s * 1000)}",
                source_id=[name],
                parts=[Part(settings["url"].replace("{id}", quote(name, safe="")), start_s, end_s)],
                duration_s=end_s - start_s,
                sample_rate=0,
                channels=0,
                split=split,
                labels=[classes[mid] for mid in mids],
                text=";".join(mids),
                licence=settings["licence"],
                origin="youtube" if youtube else host,
                status=WANTED,
            )
            if not (YOUTUBE if youtube else PLAUSIBLE).fullmatch(name):
                clip.fail(f"bad id ({name[:80]!r})")
            yield clip
    # Eight bytes an id: two million ids are 16 MB here, and would be 200 MB as a set of words.
    hashes = np.frombuffer(seen, dtype=np.uint64)
    hashes.sort()
    if (hashes[1:] == hashes[:-1]).any():
        _name_repeated(paths)


def segments(path: Path) -> Iterator[tuple[int, str, float, float, list[str]]]:
    """Yield line, id, start and end in seconds, and class codes of a list of segments.

    Raises:
        UserError: a line isn't a segment.

    """
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        rows = csv.reader(stream, skipinitialspace=True)
        for row in _readable(rows, path):
            if not row or row[0].startswith("#"):
                continue
            try:
                name, start, end, mids = row
                start_s, end_s = float(start), float(end)
            except ValueError:
                raise UserError(
                    f'{path}, line {rows.line_num}: not a segment (id, start, end, "classes")'
                ) from None
            if not (math.isfinite(start_s) and math.isfinite(end_s) and 0 <= start_s < end_s and mids):
                raise UserError(f"{path}, line {rows.line_num}: no stretch of time, or no class")
            yield rows.line_num, name, start_s, end_s, mids.split(",")


def _readable(rows: Any, path: Path) -> Iterator[list[str]]:
    """Yield the rows of a CSV reader; raises UserError where it isn't CSV."""
    try:
        yield from rows
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}: not CSV ({error})") from None


def read_classes(path: Path) -> dict[str, str]:
    """Return the display name of every class code; raises UserError for another layout."""
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        rows = csv.DictReader(stream, skipinitialspace=True)
        if not {"mid", "display_name"} <= set(rows.fieldnames or ()):
            raise UserError(f"data.source.classes: {path} has no columns mid and display_name")
        return {row["mid"]: row["display_name"] for row in rows}


def _safe(name: str) -> str:
    """Return an id as a part of a file's name; other characters become ``~`` and hex, long ones a hash."""
    safe = re.sub(r"[^A-Za-z0-9_-]", lambda m: "".join(f"~{b:02x}" for b in m.group().encode()), name)
    return safe if len(safe) <= 100 else f"{safe[:60]}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _hash(name: str) -> int:
    """Return eight bytes of an id's hash as a number."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def _name_repeated(paths: dict[str, Path]) -> None:
    """Raise UserError naming the first id that is listed twice, in one list or in two."""
    first: dict[int, str] = {}
    for path in paths.values():
        for line, name, *_ in segments(path):
            place = f"{path}, line {line}"
            earlier = first.setdefault(_hash(name), place)
            if earlier != place:
                raise UserError(f"{place}: id {name[:80]!r} is listed before, at {earlier}; remove one")
