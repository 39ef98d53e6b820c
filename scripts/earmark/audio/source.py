"""A file to decode: its descriptor, its bytes, and what a walk through them found, each looked at once."""

from __future__ import annotations

import contextlib
import io
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from earmark.audio import flac_frames, mp3, ogg, riff
from earmark.core.errors import AudioError
from earmark.core.files import peek

SMALL = 1 << 24
"""Bytes that are read faster than they are mapped."""

LARGEST_OGG = 1 << 24

OTHERS = (b"RIFF", b"OggS", b"fLaC")
"""How files begin that are no MP3, which has no beginning of its own."""


@dataclass(frozen=True)
class Source:
    """A stream of audio: open for decoders, its bytes, and its MP3 frames or WAV chunks if it has them."""

    stream: BinaryIO
    content: bytes | mmap.mmap
    frames: mp3.Frames | None
    wav: riff.Wav | None

    @classmethod
    def of(cls, stream: BinaryIO, content: bytes | mmap.mmap) -> Source:
        """Return a stream with what its content says."""
        frames = None if content[:4] in OTHERS else mp3.frames(content)
        return cls(stream, content, frames, riff.chunks(content))

    @cached_property
    def damage(self) -> str | None:
        """What is wrong with an Ogg file; one too large to be a clip is not looked through."""
        return ogg.damage(self.content) if len(self.content) <= LARGEST_OGG else None

    @cached_property
    def flac(self) -> flac_frames.Frames | None:
        """The frames of a FLAC file."""
        return flac_frames.frames(self.content)

    def check(self) -> None:
        """Refuse a damaged Ogg file; raises AudioError."""
        if self.damage:
            raise AudioError(f"undecodable ({self.damage})")


@contextlib.contextmanager
def mapped(stream: BinaryIO) -> Iterator[bytes | mmap.mmap]:
    """Yield the whole content of a stream, a large file's without reading it."""
    if not isinstance(stream, io.BufferedReader) or os.fstat(stream.fileno()).st_size <= SMALL:
        yield peek(stream, 0, -1)
        return
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content
