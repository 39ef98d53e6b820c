"""Streams that were joined in one file: chained Ogg, and FLAC, MP3, MP4, WAV or another behind its like.

Decoders read the first and call it the whole; each is a file by itself, and is decoded so.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap

from earmark.audio import ends, ogg, riff
from earmark.audio.source import Source

FLAC, FIRST_BLOCK = b"fLaC", (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
"""How FLAC begins: its mark, and a first block of 34 bytes."""


def links(source: Source) -> list[tuple[int, int]]:
    """Return where each of a file's streams begins and ends, in bytes; one of most files."""
    content, starts = source.content, [0]
    if content[:4] == b"OggS":
        starts = _of_ogg(content)
    elif content[:4] == b"fLaC":
        starts += _of_flac(content)
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


def _of_flac(content: bytes | mmap) -> Iterator[int]:
    """Yield where FLAC begins behind a file's own beginning."""
    at = 0
    while (at := content.find(FLAC, at + 1)) > 0:
        if content[at + 4 : at + 8] in FIRST_BLOCK:
            yield at


def _of_ogg(content: bytes | mmap) -> list[int]:
    """Return where streams begin behind others: pages that begin one, after any that doesn't."""
    starts, position, began = [0], 0, True
    while position + ogg.HEADER.size <= len(content):
        mark, _, kind, _, _, _, _, segments = ogg.HEADER.unpack_from(content, position)
        if mark != b"OggS":
            break
        first = bool(kind & 2)
        if first and not began:
            starts.append(position)
        began = first
        body = position + ogg.HEADER.size + segments
        position = body + sum(content[position + ogg.HEADER.size : body])
    return starts
