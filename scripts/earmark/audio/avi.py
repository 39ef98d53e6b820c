"""AVI: where it ends, and whether the packets of sound that it counts are there.

It has no clock: where each packet lasts as long as the others, one that is missing is an empty chunk, which
decoders pass over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap

from earmark.core.errors import AudioError

LISTS = (b"RIFF", b"LIST")


def end(content: bytes | mmap, start: int) -> int | None:
    """Return where it ends: large files go on in further lists, of kind AVIX.

    Raises:
        AudioError: it was cut off, or packets of sound are missing.

    """
    at = start
    while content[at : at + 4] in (b"RIFF", b"JUNK") and len(content) >= at + 12:
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if at > start and content[at : at + 4] == b"RIFF" and content[at + 8 : at + 12] != b"AVIX":
            break
        if not size:
            return None
        if at + 8 + size > len(content):
            raise AudioError(f"wrong length (AVI promises {at + 8 + size} bytes, {len(content)} are there)")
        at += 8 + size + size % 2
    _check_packets(content, start, at)
    return at


def _check_packets(content: bytes | mmap, start: int, end: int) -> None:
    """Raise AudioError if fewer packets of its one sound track hold something than its header counts."""
    counted, present = list[int](), 0
    for name, at, size in _chunks(content, start, end):
        if name == b"strh" and content[at : at + 4] == b"auds" and size >= 48:
            length, sample = struct.unpack_from("<I8xI", content, at + 32)
            counted.append(0 if sample else length)
        present += name[2:] == b"wb" and size > 0
    if len(counted) == 1 and present < counted[0]:
        raise AudioError(f"wrong length (AVI counts {counted[0]} packets of sound, {present} are there)")


def _chunks(content: bytes | mmap, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, place and size of the chunks in all lists."""
    while at + 8 <= end:
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name in LISTS:
            at += 12
            continue
        yield name, at + 8, size
        at += 8 + size + size % 2
