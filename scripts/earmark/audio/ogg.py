"""The checksums of Ogg pages (RFC 3533, section 6).

Decoders skip a damaged page without a word; what follows it then comes too early.
"""

from __future__ import annotations

import struct
import zlib
from mmap import mmap

HEADER = struct.Struct("<4sBBqIIIB")
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def damage(content: bytes | mmap) -> str | None:
    """Return what is wrong with the pages of an Ogg file, None if nothing is or it is no Ogg file."""
    if content[:4] != b"OggS":
        return None
    position, numbers = 0, dict[int, int]()
    while position < len(content):
        if len(content) < position + HEADER.size:
            return "the last Ogg page is cut off"
        mark, _, _, _, serial, number, checksum, segments = HEADER.unpack_from(content, position)
        body = position + HEADER.size + segments
        end = body + sum(content[position + HEADER.size : body])
        if mark != b"OggS":
            return "bytes between Ogg pages"
        if end > len(content):
            return "the last Ogg page is cut off"
        if number != numbers.get(serial, -1) + 1:
            return f"Ogg pages are missing before number {number}"
        numbers[serial] = number
        if crc(content[position : position + 22] + bytes(4) + content[position + 26 : end]) != checksum:
            return f"Ogg page {number} is damaged"
        position = end
    return None


def crc(content: bytes) -> int:
    """Return Ogg's CRC-32: the polynomial of zlib's, most significant bit first, starting from 0."""
    mirrored = zlib.crc32(content.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
