"""Streams that were joined in one file: chained Ogg, and FLAC, MP3, MP4, WAV or another behind its like.

Decoders read the first and call it the whole; each is a file by itself, and is decoded so.
"""

from __future__ import annotations

import re
from itertools import pairwise
from mmap import mmap

from earmark.audio import ends, ogg, riff
from earmark.audio.source import Source

FLAC = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
"""How FLAC begins: its mark, and a first block of 34 bytes. ``bytes.find`` takes longer."""


def links(source: Source) -> list[tuple[int, int]]:
    """Return where each of a file's streams begins and ends, in bytes; one of most files."""
    content, starts = source.content, [0]
    if content[:4] == ogg.MARK:
        starts += _of_ogg(content)
    elif content[:4] == b"fLaC":
        starts += [found.start() for found in FLAC.finditer(content, 1)]
    elif source.wav is not None:
        wav: riff.Wav | None = source.wav
        while wav is not None and content[(at := starts[-1] + wav.behind) : at + 4] == b"RIFF":
            wav = riff.chunks(content[at:])
            starts += [] if wav is None else [at]
    elif source.frames is not None:
        starts += source.frames.starts[1:]
    elif (kind := ends.kind(content)) is not None and kind.again:
        while (more := kind.next(content, starts[-1])) is not None:
            starts.append(more)
    return list(zip(starts, [*starts[1:], len(content)], strict=True))


def _of_ogg(content: bytes | mmap) -> list[int]:
    """Return where streams begin behind others: pages that begin one, after any that doesn't."""
    pairs = pairwise(ogg.pages(content))
    return [page.start for before, page in pairs if page.begins and not before.begins]
