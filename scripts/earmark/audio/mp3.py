"""The frames of an MP3 file, counted (ISO 11172-3), and what its first frame says of them.

Decoders believe the count in that frame (Xing, Info), and count what follows of a joined file or one of
another cut as nothing; a lost frame moves all behind it, and a cut there is taken for right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from mmap import mmap

from earmark.audio import tags

BITRATES = {
    (3, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by version (3: MPEG-1, 2 and 0: MPEG-2 and 2.5) and layer bits (3: I, 2: II, 1: III)."""
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
V = ord("V")
COUNTED = 0x1
"""The flag of a Xing header that has a count."""


@dataclass(frozen=True)
class Frames:
    """What a walk through a file found."""

    number: int
    """Frames of audio: without those that only count others."""
    counted: int | None
    """How many the first frame says there are; None if it doesn't say."""
    starts: tuple[int, ...]
    """Where frames stand that count others: more than one where files were joined."""
    damage: str = ""
    """What lies between frames, if anything does that is no tag."""


def frames(content: bytes | mmap) -> Frames | None:
    """Walk through a file's frames; None if it does not begin as MP3 does, or in a form without lengths."""
    position = tags.past(content, 0)
    if position < len(content) and _length(content, position) is None:
        return None
    number, size = 0, len(content)
    starts: list[int] = []
    counted: int | None = None
    damage = ""
    while position < size - 3:
        length = _sized(content[position + 1], content[position + 2]) if content[position] == 0xFF else None
        if length is None:
            behind = tags.past(content, position)
            if behind == position:
                left = size - position
                if left > 4 and number:
                    damage = f"{left} bytes that are no MP3 frame behind frame {number}"
                break
            position = behind
            continue
        if position + length > size:
            break  # the last one was cut off; decoders leave it out, and so does what counts them
        says = None
        # Few frames of sound have such a byte there; the others are looked at no further, which saves time.
        side = position + _side(content[position + 1], content[position + 3])
        if side < size and content[side] in b"XI" or position + 36 < size and content[position + 36] == V:
            says = _count(content[position : position + min(length, 200)])
        if says is None:
            number += 1
        else:
            counted = says if not starts else counted
            starts.append(position)
        position += length
    return Frames(number, counted, tuple(starts), damage)


def _length(content: bytes | mmap, at: int) -> int | None:
    """Return the bytes of the frame whose header stands here, None if none does."""
    if len(content) - at < 4 or content[at] != 0xFF:
        return None
    return _sized(content[at + 1], content[at + 2])


@cache
def _sized(second: int, third: int) -> int | None:
    """Return the bytes of a frame with these bytes in its header, None if no frame has them."""
    if second & 0xE0 != 0xE0:
        return None
    version, layer = second >> 3 & 3, second >> 1 & 3
    bits, rate = third >> 4, third >> 2 & 3
    if version == 1 or layer == 0 or bits in (0, 15) or rate == 3:
        return None
    table = BITRATES[3, layer] if version == 3 else BITRATES[2, 3 if layer == 3 else 2]
    padding = third >> 1 & 1
    hertz = RATES[version][rate]
    if layer == 3:
        return (12_000 * table[bits] // hertz + padding) * 4
    samples = 1152 if version == 3 or layer == 2 else 576
    return samples // 8 * 1000 * table[bits] // hertz + padding


def _count(frame: bytes) -> int | None:
    """Return how many frames a first frame counts, -1 if it leaves that open; None if it is of audio."""
    at = _side(frame[1], frame[3])
    if frame[at : at + 4] in (b"Xing", b"Info") and len(frame) >= at + 12:
        flags, number = struct.unpack_from(">II", frame, at + 4)
        return int(number) if flags & COUNTED else -1
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return int(struct.unpack_from(">I", frame, 50)[0])
    return None


@cache
def _side(second: int, fourth: int) -> int:
    """Return where in a frame with these bytes in its header the side information ends."""
    mono, version = fourth >> 6 == 3, second >> 3 & 3
    return 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
