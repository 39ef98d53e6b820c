"""Where streams of packets end: MPEG transport and program streams, AAC in ADTS.

As in :mod:`.chunks`, a function takes a file's bytes and where it begins, and returns where it ends.
"""

from __future__ import annotations

from mmap import mmap

from earmark.audio.chunks import check_within

TS = 188
"""Bytes of a transport packet, which begins with 0x47."""
PACK, END, FIRST_STREAM = 0xBA, 0xB9, 0xBB
"""Codes of a program stream behind 00 00 01: a pack's header, the end, and all that state a length."""
FRAMES = 4
"""So many frames of AAC in a row are no chance."""


def transport(content: bytes | mmap, start: int) -> int:
    """MPEG-TS: the first place of a packet where none begins."""
    marks = content[start::TS]
    return start + TS * (len(marks) - len(marks.lstrip(b"G")))


def program(content: bytes | mmap, start: int) -> int | None:
    """MPEG-PS: packs, and packets that state their length."""
    at = start
    while content[at : at + 3] == b"\0\0\1" and len(content) >= at + 14:
        code = content[at + 3]
        if code == PACK:
            # MPEG-2 puts up to seven bytes of stuffing behind its header, which ends in their number.
            at += 14 + (content[at + 13] & 7) if content[at + 4] >> 6 == 1 else 12
        elif code == END:
            at += 4
        elif code >= FIRST_STREAM:
            at += 6 + int.from_bytes(content[at + 4 : at + 6])
        else:
            return None
        check_within(content, "MPEG-PS", at)
    return at


def adts(content: bytes | mmap, start: int) -> int | None:
    """AAC in ADTS: frames that state their length; a few, since FLAC without its header begins alike."""
    at, frames = start, 0
    while len(content) >= at + 7 and content[at] == 0xFF and content[at + 1] & 0xF6 == 0xF0:
        length = (content[at + 3] & 3) << 11 | content[at + 4] << 3 | content[at + 5] >> 5
        if length < 7:
            return None
        at, frames = at + length, frames + 1
    return at if frames >= FRAMES and at <= len(content) else None
