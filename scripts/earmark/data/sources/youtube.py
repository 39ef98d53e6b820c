"""Segments of recordings on the web; one row per segment wanted, several of one recording each its own.

Nothing is fetched here but the lists: the rows have status ``wanted`` and the address of their recording.
Where a list has codes of classes (AudioSet's mids), ``labels`` are display names, in the list's order, and
``text`` holds the codes, joined by ``;``, which stay the same when a display name is reworded. Otherwise they
are the list's own labels, and its captions. Layouts: :mod:`earmark.data.sources.segments`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

from earmark.config.sources.youtube import Source
from earmark.core.errors import UserError
from earmark.core.records import WANTED, Clip, Part
from earmark.data.fetch.table import local
from earmark.data.sources.segments import Segment, segments

PLAUSIBLE = re.compile(r"[A-Za-z0-9_-]{1,64}")
YOUTUBE = re.compile(r"[A-Za-z0-9_-]{11}")


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per segment of every list, as they are read.

    Raises:
        UserError: a list cannot be had, or a line of it isn't a segment, has a class that isn't listed, is
            there before, or its recording is in the other split.

    """
    place = settings.classes
    classes = read_classes(local(place, folder, "classes.csv", "data.source.classes")) if place else {}
    host = urlsplit(settings.url).hostname or ""
    youtube = host == "youtu.be" or host == "youtube.com" or host.endswith(".youtube.com")
    paths = {
        split: local(place, folder, f"{split}.csv", f"data.source.lists.{split}")
        for split, place in settings.lists.plain().items()
    }
    seen, ids = array("Q"), {split: array("Q") for split in paths}
    for split, path in paths.items():
        for found in _of_split(path, split):
            unknown = next((mid for mid in found.codes if mid not in classes), None)
            if unknown is not None:
                told = "is not in data.source.classes" if place else "needs data.source.classes to name it"
                raise UserError(f"{path}, line {found.line}: class {unknown!r} {told}")
            seen.append(_hash(f"{found.name} {found.start_s} {found.end_s}"))
            ids[split].append(_hash(found.name))
            clip = Clip(
                clip_id=f"Y{_safe(found.name)}_{round(found.start_s * 1000)}",
                source_id=[found.name],
                parts=[
                    Part(
                        settings.url.replace("{id}", quote(found.name, safe="")),
                        found.start_s,
                        found.end_s,
                    )
                ],
                duration_s=found.end_s - found.start_s,
                sample_rate=0,
                channels=0,
                split=split,
                labels=[classes[mid] for mid in found.codes] or list(found.labels),
                text=";".join(found.codes) or found.text,
                licence=settings.licence,
                origin="youtube" if youtube else host,
                status=WANTED,
            )
            if not (YOUTUBE if youtube else PLAUSIBLE).fullmatch(found.name):
                clip.fail(f"bad id ({found.name[:80]!r})")
            yield clip
    # Eight bytes an id: two million ids are 16 MB here, and would be 200 MB as a set of words.
    hashes = np.frombuffer(seen, dtype=np.uint64)
    hashes.sort()
    if (hashes[1:] == hashes[:-1]).any():
        _name_repeated(paths, alone=False)
    heard = [np.frombuffer(each, np.uint64) for each in ids.values()]
    if len(heard) == 2 and np.intersect1d(heard[0], heard[1]).size:
        _name_repeated(paths, alone=True)


def _of_split(path: Path, split: str) -> Iterator[Segment]:
    """Yield a list's segments of a split: all of a list that says nothing of splits."""
    return (found for found in segments(path) if found.split in ("", split))


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


def _name_repeated(paths: dict[str, Path], *, alone: bool) -> None:
    """Raise UserError naming the first segment listed twice or, of ids ``alone``, the first in two splits."""
    first: dict[int, tuple[str, str]] = {}
    for split, path in paths.items():
        for found in _of_split(path, split):
            place = f"{path}, line {found.line}"
            key = found.name if alone else f"{found.name} {found.start_s} {found.end_s}"
            other, earlier = first.setdefault(_hash(key), (split, place))
            if earlier != place and (not alone or other != split):
                what = (
                    f"id {found.name[:80]!r} is in the other split, at {earlier}"
                    if alone
                    else f"segment {found.name[:80]!r} from {found.start_s:g} s is listed before, at "
                    f"{earlier}"
                )
                raise UserError(f"{place}: {what}; remove one")
