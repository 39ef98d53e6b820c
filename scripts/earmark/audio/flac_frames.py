"""The frames of a FLAC file, counted (RFC 9639, section 9.1): what they hold, and whether a jump finds them.

Frames say where they belong, and nothing compares that with the header: one that counts too few samples, a
frame that was lost, sizes other than the header's, by which libFLAC jumps, move a cut without a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from mmap import mmap

from earmark.audio import riff, tags

FRAME = re.compile(rb"\xff[\xf8\xf9][\x10-\xfe][\x00-\xaf]")
"""How a frame begins: 15 bits of synchronisation, how blocks are numbered, sizes, channels, bits."""
HEADER = 42
"""Bytes of the mark and the first block of metadata."""
LONGEST = 16
"""Bytes of a frame's header, its checksum included."""
BLOCKS = {1: 192, **{code: 144 << code for code in range(2, 6)}, **{code: 1 << code for code in range(8, 16)}}
"""Samples of a block by code; 6 and 7 stand for a number of one or two bytes at the header's end."""


@dataclass(frozen=True)
class Frames:
    """What a walk through a file found."""

    samples: int
    """Samples of a channel in all frames, up to the first that does not follow on the one before."""
    steady: bool
    """Whether the header tells the size of the blocks, so that a jump by it lands where it should."""


def frames(content: bytes | mmap) -> Frames | None:
    """Walk through a file's frames; None if it does not begin as FLAC does."""
    if content[:4] != b"fLaC":
        return None
    least, most = (int.from_bytes(content[at : at + 2]) for at in (8, 10))
    samples, due, size = 0, 0, 0
    steady = True
    begin = _audio(content)
    for found in FRAME.finditer(content, begin):
        at = found.start()
        head = content[at : at + LONGEST]
        number, length = _number(head)
        if at == begin and number > 0:
            due, steady = number, False  # the beginning of a recording was cut off, frame by frame
        counted = head[1] == 0xF8
        if number != due or not (read := _block(head, length)):
            continue
        block, end = read
        if _crc(head[:end]) != head[end]:
            continue
        size = size or block
        # All blocks but the last are of one size where frames are counted.
        steady &= block <= most and (not counted or least == most == size)
        samples += block
        due = due + 1 if counted else due + block
    return Frames(samples, steady)


def end(content: bytes | mmap) -> int | None:
    """Return how far a file's last frame can reach, if more than tags stand behind it; None if not.

    That frame is the one by which the samples are as many as the header counts. It is looked for where it
    should be, at the file's end, and only if it is not there from the beginning.
    """
    if len(content) < HEADER or content[4] & 0x7F:
        return None
    most, largest = (int.from_bytes(content[at : at + size]) for at, size in ((10, 2), (15, 3)))
    total = int.from_bytes(content[21:26]) & 0xFFFFFFFFF
    channels, bits = (content[20] >> 1 & 7) + 1, ((content[20] & 1) << 4 | content[21] >> 4) + 1
    audio = tags.before(content)
    place = max(HEADER, audio - (largest or _verbatim(most, channels, bits)) - riff.LEAST)
    last = total and (_last(content, place, total, most) or _last(content, HEADER, total, most))
    if not last:
        return None
    at, block = last
    reach = at + _verbatim(block, channels, bits)
    return reach if audio - reach >= riff.LEAST else None


def _last(content: bytes | mmap, begin: int, total: int, size: int) -> tuple[int, int] | None:
    """Return where the frame with the last of all samples begins, and how many it has."""
    for found in FRAME.finditer(content, begin):
        head = content[found.start() : found.start() + LONGEST]
        number, length = _number(head)
        if number < 0 or not (read := _block(head, length)):
            continue
        block, end = read
        before = number * (size if head[1] == 0xF8 else 1)
        if before + block == total and _crc(head[:end]) == head[end]:
            return found.start(), block
    return None


def _verbatim(block: int, channels: int, bits: int) -> int:
    """Return the bytes of a frame that is not compressed; the second of two channels may be a bit wider."""
    return LONGEST + 2 + channels * (2 + (block * (bits + 1) + 7) // 8)


def _audio(content: bytes | mmap) -> int:
    """Return where the metadata end."""
    at, last = 4, False
    while not last and len(content) >= at + 4:
        last = bool(content[at] & 0x80)
        at += 4 + int.from_bytes(content[at + 1 : at + 4])
    return at


def _number(head: bytes) -> tuple[int, int]:
    """Return the number in a frame's header, coded as UTF-8 codes characters, and its bytes; -1 for none."""
    first = head[4] if len(head) > 4 else 0xFF
    if first < 0x80:
        return first, 1
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(head) < 4 + length:
        return -1, 1
    number = first & (0x7F >> length)
    for byte in head[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    return number, length


def _block(head: bytes, length: int) -> tuple[int, int] | None:
    """Return the samples of a block, and where in its header the checksum stands."""
    code, rate, end = head[2] >> 4, head[2] & 15, 4 + length
    block = BLOCKS.get(code, 0)
    if code in (6, 7):
        block = int.from_bytes(head[end : end + code - 5]) + 1
        end += code - 5
    end += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    return (block, end) if block and len(head) > end else None


def _crc(content: bytes) -> int:
    """Return FLAC's CRC-8: the polynomial x^8 + x^2 + x + 1, starting from 0."""
    crc = 0
    for byte in content:
        crc = TABLE[crc ^ byte]
    return crc


def _shifted(crc: int) -> int:
    for _ in range(8):
        crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc


TABLE = bytes(_shifted(byte) for byte in range(256))
