"""Where a file's first stream ends by its own structure: there may be another behind it.

Decoders stop there and call it the whole. What is of the same kind was joined, and is read (:mod:`.links`);
tags are no audio; the rest is of nobody knows what, and refuses the file. Ogg, MP3 and WAV look for it
themselves, and AC-3 stumbles over it. What was cut off is refused, too, where decoders would not notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap

from earmark.audio import avi, chunks, flac_frames, packets, riff, stated, tags
from earmark.audio.source import Source
from earmark.core.errors import AudioError

FLAC = b"fLaC"


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, the bytes it begins with and where they stand, and where it ends."""

    name: str
    mark: bytes
    end: Callable[[bytes | mmap, int], int | None]
    at: int = 0
    again: bool = True
    """Whether another one behind it is to be read as a file of its own."""

    def begins(self, content: bytes | mmap, start: int) -> bool:
        """Whether a file of this kind begins here."""
        return content[start + self.at : start + self.at + len(self.mark)] == self.mark

    def next(self, content: bytes | mmap, start: int) -> int | None:
        """Return where another file of this kind begins behind the one that begins here, tags passed over."""
        end = self.end(content, start)
        places = [] if end is None else [end, tags.past(content, end)]
        return next((at for at in places if at > start and self.begins(content, at)), None)


KINDS = (
    Kind("MP4", b"ftyp", chunks.mp4, at=4),
    Kind("MOV", b"moov", chunks.mp4, at=4),
    Kind("MOV", b"wide", chunks.mp4, at=4),
    Kind("MOV", b"mdat", chunks.mp4, at=4),
    Kind("ASF", chunks.ASF, chunks.asf),
    Kind("Matroska", chunks.EBML.to_bytes(4), chunks.matroska),
    Kind("AVI", b"AVI ", avi.end, at=8),
    Kind("FLV", b"FLV\1", chunks.flv),
    Kind("NUT", chunks.NUT, chunks.nut),
    Kind("WavPack", b"wvpk", chunks.wavpack),
    Kind("TTA", b"TTA1", chunks.tta),
    Kind("W64", chunks.W64, chunks.w64),
    Kind("VOC", b"Creative Voice File\x1a", chunks.voc),
    Kind("MPEG-TS", b"G", packets.transport, again=False),
    Kind("MPEG-PS", b"\0\0\1\xba", packets.program, again=False),
    Kind("AAC", b"\xff\xf0", packets.adts, again=False),
    Kind("AAC", b"\xff\xf1", packets.adts, again=False),
    Kind("AAC", b"\xff\xf8", packets.adts, again=False),
    Kind("AAC", b"\xff\xf9", packets.adts, again=False),
)


def kind(content: bytes | mmap, start: int = 0) -> Kind | None:
    """Return what kind of file begins here, if it is one whose end can be told."""
    for each in KINDS:
        if each.begins(content, start) and (each.mark != b"G" or content[start + packets.TS :][:1] == b"G"):
            return each
    return None


def check(source: Source) -> None:
    """Refuse a file that has something behind it, or more audio than its header states.

    Raises:
        AudioError: it has.

    """
    content, wav = source.content, source.wav
    stated_bytes, more = 0, 0
    if wav is None:
        stated_bytes, more = stated.more(content) or (0, 0)
    elif 0 < wav.stated < riff.UNKNOWN:
        stated_bytes, more = wav.stated, riff.left(content, wav.behind)
    if more >= riff.LEAST:
        raise AudioError(
            f"wrong length (the header states {stated_bytes} bytes of samples, {more} more stand behind)"
        )
    if wav is None and source.frames is None:
        _check_end(content)


def _check_end(content: bytes | mmap) -> None:
    """Refuse a file that goes on where its structure says that it ends; raises AudioError."""
    # Zeros before audio are tags' filling, and how MP4 and MPEG begin.
    start = 0 if content[:4] == FLAC or kind(content) else tags.past(content, 0)
    name, end = "FLAC", None
    if content[start : start + 4] == FLAC:
        end = flac_frames.end(content[start:] if start else content)
        end = None if end is None else start + end
    elif found := kind(content, start):
        name, end = found.name, found.end(content, start)
    if end is not None and (more := len(content) - tags.past(content, end)) >= riff.LEAST:
        raise AudioError(f"wrong length ({name} ends after {end} bytes, {more} more stand behind)")
