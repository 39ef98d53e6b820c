"""What a WAV file says of its audio: the codec, where the samples begin, how many bytes of them there are."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from mmap import mmap
from typing import Literal

FLOAT, EXTENSIBLE = 0x3, 0xFFFE
MPEG = {0x50, 0x55}
"""MP2 and MP3 inside a WAV file."""
UNKNOWN = 0x7FFF0000
"""Writers to a pipe, who cannot know a length, leave a number as large."""
CHUNKS = 1000
FILES = (b"RIFF", b"FORM", b"wvpk", b"ftyp")
"""Chunks that are files themselves."""
LEAST = 2048
"""Bytes behind samples, or in place of none, that are more than a tag somebody forgot."""


@dataclass(frozen=True)
class Wav:
    """A WAV file's chunks, as far as they decide what is decoded."""

    codec: int
    begin: int
    """Where the samples begin."""
    stated: int
    """Bytes of samples that the header states."""
    behind: int
    """Where what follows the samples begins."""


def chunks(content: bytes | mmap) -> Wav | None:
    """Return what the chunks of a RIFF WAVE file say; None if it is none, or has no samples' chunk."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    at, codec = 12, 0
    for _ in range(CHUNKS):
        if len(content) < at + 8:
            return None
        name, size = struct.unpack_from("<4sI", content, at)
        if name == b"fmt " and len(content) >= at + 26:
            codec = struct.unpack_from("<H", content, at + 8)[0]
            if codec == EXTENSIBLE and len(content) >= at + 34:
                codec = struct.unpack_from("<H", content, at + 32)[0]
        if name == b"data":
            return Wav(codec, at + 8, size, at + 8 + size + size % 2)
        at += 8 + size + size % 2
    return None


def completed(content: bytes | mmap, wav: Wav | None) -> bytes | None:
    """Return a file with the number of its samples, if its recorder never wrote it; None if it did."""
    if wav is None or wav.stated or len(content) - wav.begin < LEAST:
        return None
    size = min(len(content) - wav.begin, 0xFFFFFFFF)
    head = bytearray(content[: wav.begin])
    struct.pack_into("<I", head, 4, min(len(content) - 8, 0xFFFFFFFF))
    struct.pack_into("<I", head, wav.begin - 4, size)
    return bytes(head) + content[wav.begin :]


def left(content: bytes | mmap, at: int, order: Literal["<", ">"] = "<") -> int:
    """Return the bytes behind the samples, which end at ``at``, that are neither chunks nor padding.

    They are more audio, mostly.
    ``order`` is that of the bytes in sizes, as :mod:`struct` writes it.
    """
    while len(content) >= at + 8:
        name, size = struct.unpack_from(f"{order}4sI", content, at)
        if not all(32 <= byte < 127 for byte in name) or name in FILES or at + 8 + size > len(content) + 1:
            break
        at += 8 + size + size % 2
    rest = content[at:]
    return len(rest) if rest.strip(b"\0") else 0
