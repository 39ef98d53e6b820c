"""How many bytes of samples AIFF, AU, CAF and RF64 state, and what stands behind them.

Decoders stop where the header says, and call it the whole. WAV's own chunks: :mod:`.riff`.
"""

from __future__ import annotations

import struct
from mmap import mmap

from earmark.audio import riff


def more(content: bytes | mmap) -> tuple[int, int] | None:
    """Return the bytes of samples that a header states and those of audio behind them; None if all is well.

    A length that was left open, or that is more than there is, is no matter of this.
    """
    mark = content[:4]
    if mark == b"FORM" and content[8:12] in (b"AIFF", b"AIFC"):
        found = _aiff(content)
    elif mark == b".snd" and len(content) >= 24:
        begin, stated = struct.unpack_from(">II", content, 4)
        found = stated, len(content) - begin - stated
    elif mark == b"caff":
        found = _caf(content)
    elif mark in (b"RF64", b"BW64") and content[12:16] == b"ds64":
        found = _rf64(content)
    else:
        return None
    stated, behind = found
    return found if stated and behind >= riff.LEAST else None


def _aiff(content: bytes | mmap) -> tuple[int, int]:
    """Return both numbers of an AIFF file."""
    at = 12
    for _ in range(riff.CHUNKS):
        if len(content) < at + 8:
            break
        name, size = struct.unpack_from(">4sI", content, at)
        if name == b"SSND":
            return size, riff.left(content, at + 8 + size + size % 2, ">")
        at += 8 + size + size % 2
    return 0, 0


def _caf(content: bytes | mmap) -> tuple[int, int]:
    """Return both numbers of a CAF file; a size has eight bytes, and -1 leaves the last one open."""
    at, stated = 8, 0
    for _ in range(riff.CHUNKS):
        if len(content) < at + 12:
            break
        name, size = struct.unpack_from(">4sq", content, at)
        if size == -1 and name == b"data":
            break
        if size < 0 or not all(32 <= byte < 127 for byte in name) or at + 12 + size > len(content):
            return stated, len(content) - at
        stated = size if name == b"data" else stated
        at += 12 + size
    return stated, 0


def _rf64(content: bytes | mmap) -> tuple[int, int]:
    """Return both numbers of a WAV file of more than 4 GB, which states them in a chunk of their own."""
    if len(content) < 36:
        return 0, 0
    stated, at = struct.unpack_from("<Q", content, 28)[0], 12
    for _ in range(riff.CHUNKS):
        if len(content) < at + 8:
            break
        name, size = struct.unpack_from("<4sI", content, at)
        if name == b"data":
            return stated, riff.left(content, at + 8 + stated + stated % 2)
        at += 8 + size + size % 2
    return 0, 0
