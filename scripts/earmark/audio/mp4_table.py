"""Whether an MP4 file's own tables say that its sound has no gap, which spares a list of all its packets.

``stts`` tells how long packets last, ``elst`` what is put before, between or behind them (ISO/IEC 14496-12).
Of a file in fragments, or with several sound tracks, edits or lengths, nothing is said here.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

MOST_BOXES = 64
"""Of a file's top, that are passed over."""
LARGEST = 1 << 24
"""Bytes of tables that are read."""
RATE = 0x10000
"""Of an edit that plays as fast as it was recorded."""


def steady(file: BinaryIO) -> bool:
    """Whether the only sound track has packets of one length, from the start or from an offset within it."""
    tables = _tables(file)
    sounds = [track for track in _inside(tables, b"trak") if _is_sound(track)]
    if len(sounds) != 1 or _inside(tables, b"mvex"):
        return False
    (sound,) = sounds
    edits = _inside(sound, b"edts", b"elst")
    lengths = _inside(sound, b"mdia", b"minf", b"stbl", b"stts")
    whole = len(lengths) == 1 and len(edits) == len(_inside(sound, b"edts"))
    return whole and _of_one_length(lengths[0]) and all(map(_plain, edits))


def _is_sound(track: bytes) -> bool:
    """Whether a track's handler is that of sound."""
    return [handler[8:12] for handler in _inside(track, b"mdia", b"hdlr")] == [b"soun"]


def _tables(file: BinaryIO) -> bytes:
    """Return the content of a file's ``moov``, empty where there is none to be found."""
    at, end = 0, os.fstat(file.fileno()).st_size
    for _ in range(MOST_BOXES):
        head = os.pread(file.fileno(), 16, at)
        size, kind = int.from_bytes(head[:4]), head[4:8]
        size = int.from_bytes(head[8:]) if size == 1 else size
        if size < 8 or at + size > end:
            break
        if kind == b"moov":
            return os.pread(file.fileno(), size - 8, at + 8) if size <= LARGEST else b""
        at += size
    return b""


def _inside(content: bytes, *path: bytes) -> list[bytes]:
    """Return what the boxes of these names hold, each within one of the name before."""
    found = [content]
    for name in path:
        found = [body for each in found for kind, body in _boxes(each) if kind == name]
    return found


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of boxes that stand one behind the other."""
    at = 0
    while len(content) >= at + 8:
        size = int.from_bytes(content[at : at + 4])
        if size < 8:
            break
        yield content[at + 4 : at + 8], content[at + 8 : at + size]
        at += size


def _of_one_length(table: bytes) -> bool:
    """Whether all packets of a ``stts`` last as long; the last one may be shorter."""
    entries = [(count, length) for count, length in struct.iter_unpack(">II", _entries(table, 8)) if count]
    first = entries[0][1] if entries else 0
    rest = entries[1:]
    return first > 0 and (not rest or len(rest) == 1 and rest[0][0] == 1 and rest[0][1] <= first)


def _plain(table: bytes) -> bool:
    """Whether an ``elst`` holds one edit, and that one no silence."""
    form = ">QqI" if table[:1] == b"\1" else ">IiI"
    edits = list(struct.iter_unpack(form, _entries(table, struct.calcsize(form))))
    return len(edits) == 1 and edits[0][1] >= 0 and edits[0][2] == RATE


def _entries(table: bytes, size: int) -> bytes:
    """Return the entries of a table, behind its version and their number; none of one that was cut off."""
    end = 8 + size * int.from_bytes(table[4:8])
    return table[8:end] if len(table) >= end else b""
