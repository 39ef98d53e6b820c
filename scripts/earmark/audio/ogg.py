"""The pages of an Ogg file (RFC 3533, section 6): where they stand, and their checksums.

Decoders skip a damaged page without a word; what follows it then comes too early.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

HEADER = struct.Struct("<4sBBqIIIB")
MARK = b"OggS"
FIRST = 2
"""The flag of a page that begins a stream."""
CHECKSUM = slice(22, 26)
"""Where in a page its checksum stands, which is taken with zeros in its place."""
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A whole page."""

    start: int
    end: int
    begins: bool
    """Whether a stream begins with it."""
    serial: int
    number: int


def pages(content: bytes | mmap) -> Iterator[Page]:
    """Yield a file's pages, up to the first place where no whole one stands."""
    position, size = 0, len(content)
    while position + HEADER.size <= size:
        mark, _, flags, _, serial, number, _, segments = HEADER.unpack_from(content, position)
        body = position + HEADER.size + segments
        end = body + sum(content[position + HEADER.size : body])
        if mark != MARK or end > size:
            return
        yield Page(position, end, bool(flags & FIRST), serial, number)
        position = end


def damage(content: bytes | mmap) -> str | None:
    """Return what is wrong with the pages of an Ogg file, None if nothing is or it is no Ogg file."""
    if content[:4] != MARK:
        return None
    # Ogg's polynomial is zlib's, the most significant bit first: the bits of every byte in reverse.
    mirrored = memoryview(content[:].translate(REVERSED))
    position, numbers = 0, dict[int, int]()
    for start, position, _, serial, number in pages(content):
        if number != numbers.get(serial, -1) + 1:
            return f"Ogg pages are missing before number {number}"
        numbers[serial] = number
        page = mirrored[start:position]
        if _crc(page) != int.from_bytes(page[CHECKSUM]):
            return f"Ogg page {number} is damaged"
    if position == len(content):
        return None
    whole = position + HEADER.size <= len(content)
    between = whole and content[position : position + 4] != MARK
    return "bytes between Ogg pages" if between else "the last Ogg page is cut off"


def sign(page: bytearray) -> None:
    """Write a page's checksum into it."""
    page[CHECKSUM] = _crc(memoryview(page.translate(REVERSED))).to_bytes(4).translate(REVERSED)


def _crc(mirrored: memoryview) -> int:
    """Return a page's CRC-32, its bits mirrored as the page's are; it starts from 0."""
    crc = zlib.crc32(mirrored[: CHECKSUM.start], 0xFFFFFFFF)
    crc = zlib.crc32(bytes(4), crc)
    return zlib.crc32(mirrored[CHECKSUM.stop :], crc) ^ 0xFFFFFFFF
