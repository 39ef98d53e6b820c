"""Tags that stand before and behind audio: ID3, APE, Lyrics3, and zeros that fill a block."""

from __future__ import annotations

import struct
from mmap import mmap

ID3V1, APE = 128, 32


def past(content: bytes | mmap, at: int) -> int:
    """Return where the tags and zeros that stand here end."""
    while True:
        start = at
        if content[at : at + 3] == b"ID3" and len(content) >= at + 10:
            size = content[at + 6 : at + 10]
            at += 10 + sum(byte << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
            at += 10 * bool(content[start + 5] & 0x10)
        elif content[at : at + 3] == b"TAG":
            at += ID3V1
        elif content[at : at + 8] == b"APETAGEX" and len(content) >= at + APE:
            size, flags = struct.unpack_from("<I4xI", content, at + 12)
            at += APE + size if flags & 0x20000000 else APE
        elif content[at : at + 11] == b"LYRICSBEGIN":
            end = content.find(b"LYRICS200", at)
            at = end + 9 if end > 0 else at
        elif content[at : at + 1] == b"\0":
            at += len(content[at : at + (1 << 20)]) - len(content[at : at + (1 << 20)].lstrip(b"\0"))
        if at == start:
            return at


def before(content: bytes | mmap) -> int:
    """Return where the tags that end a file begin; found from its end, for what has no end of its own."""
    end = len(content)
    if content[max(0, end - ID3V1) :][:3] == b"TAG":
        end -= ID3V1
    if content[max(0, end - APE) : end][:8] == b"APETAGEX":
        size, flags = struct.unpack_from("<I4xI", content, end - APE + 12)
        end -= size + (APE if flags & 0x80000000 else 0)
    return max(0, end)
