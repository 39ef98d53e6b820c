"""Lists of segments of recordings on the web, in the layouts they are published in.

AudioSet's lines are ``id, start, end, "mid,mid"`` under comments, VGGSound's ``id,start,label,split``, and
AudioCaps' have a header, ``audiocap_id,youtube_id,start_time,caption``. The segments of the last two have ten
seconds.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError

LENGTH_S = 10.0
AUDIOCAPS = ("youtube_id", "start_time", "caption")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording, and what is heard in it."""

    line: int
    name: str
    """The recording's id."""
    start_s: float
    end_s: float
    codes: Sequence[str] = ()
    """Codes of classes, which a table of classes names."""
    labels: Sequence[str] = ()
    """Names of classes, where the list has them itself."""
    text: str = ""
    split: str = field(default="")
    """The split the line says it is of; empty where the list says none."""


def segments(path: Path) -> Iterator[Segment]:
    """Yield the segments of a list, in whichever layout it is.

    Raises:
        UserError: a line isn't a segment.

    """
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        rows = csv.reader(stream, skipinitialspace=True)
        header: list[str] = []
        for row in _readable(rows, path):
            if not row or row[0].startswith("#"):
                continue
            if not header and set(AUDIOCAPS) <= {cell.strip() for cell in row}:
                header = [cell.strip() for cell in row]
                continue
            where = f"{path}, line {rows.line_num}"
            try:
                found = _segment(rows.line_num, row, header)
            except (ValueError, KeyError):
                raise UserError(
                    f'{where}: not a segment (id, start, end, "classes"), nor VGGSound\'s (id, start, label, '
                    "split) or AudioCaps' (with its header)"
                ) from None
            if not (math.isfinite(found.start_s) and 0 <= found.start_s < found.end_s < math.inf):
                raise UserError(f"{where}: no stretch of time")
            if not (any(found.codes) or any(found.labels) or found.text):
                raise UserError(f"{where}: no class")
            yield found


def _segment(line: int, row: list[str], header: list[str]) -> Segment:
    """Return a line's segment; raises ValueError or KeyError if it is none."""
    if header:
        cells = dict(zip(header, row, strict=True))
        start_s = float(cells["start_time"])
        return Segment(line, cells["youtube_id"], start_s, start_s + LENGTH_S, text=cells["caption"].strip())
    name, start, third, fourth = row
    start_s = float(start)
    if fourth.strip() in SPLITS:
        labels = [third.strip()] if third.strip() else []
        return Segment(line, name, start_s, start_s + LENGTH_S, labels=labels, split=fourth.strip())
    return Segment(line, name, start_s, float(third), codes=fourth.split(",") if fourth else [])


def _readable(rows: Any, path: Path) -> Iterator[list[str]]:
    """Yield the rows of a CSV reader; raises UserError where it isn't CSV."""
    try:
        yield from rows
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}: not CSV ({error})") from None
