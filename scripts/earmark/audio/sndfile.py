"""Files as libsndfile opens them, and what their headers are worth.

libsndfile reports the length it believes: shortened where a file was cut off, estimated where an MP3
file does not count its frames, the largest number there is where a FLAC header leaves it open. Here
such a file is refused, or left to a decoder that counts. So is Opus: libsndfile 1.2.2 stops in the
middle of files of low bit rates and counts hundreds of samples too few.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

import soundfile

from earmark.core.errors import AudioError
from earmark.core.files import peek

UNKNOWN_LENGTH = 1 << 62

PROMISE = re.compile(r"^\s*(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


def plausible(sample_rate: int) -> bool:
    """Whether audio may have this sample rate."""
    return 1000 <= sample_rate <= 768_000


@contextlib.contextmanager
def opened(stream: BinaryIO) -> Iterator[tuple[soundfile.SoundFile | None, str]]:
    """Yield the open sound file, or None and why libsndfile is not the one to read it.

    Raises:
        AudioError: the header promises more than the file holds, or what no audio has.

    """
    try:
        # A descriptor has no name: libsndfile takes some endings for a format, headerless audio at that.
        if isinstance(stream, io.BufferedReader):
            os.lseek(stream.fileno(), 0, os.SEEK_SET)
            sound = soundfile.SoundFile(stream.fileno(), closefd=False)
        else:
            stream.seek(0)
            sound = soundfile.SoundFile(stream, closefd=False)
    except (soundfile.LibsndfileError, TypeError) as error:
        yield None, words(error)
        return
    with sound:
        if not plausible(sound.samplerate):
            raise AudioError(f"unreadable (a sample rate of {sound.samplerate} Hz)")
        promised, held = _promise(sound.extra_info)
        if promised > held:
            raise AudioError(f"wrong length (the header promises {promised} bytes, {held} are there)")
        if sound.frames >= UNKNOWN_LENGTH or (sound.format == "MP3" and not _counted_mp3(stream)):
            yield None, "the header gives no length"
        elif sound.subtype == "OPUS":
            yield None, "Opus is left to ffmpeg"
        else:
            yield sound, ""


def words(error: Exception) -> str:
    """Return libsndfile's words without the file's name."""
    text = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
    return str(text).rstrip(".").replace("(", "[").replace(")", "]")


def _promise(log: str) -> tuple[int, int]:
    """Return the bytes of audio that a header promises and those there are, (0, 0) if they agree.

    Only libsndfile's log tells: it shortens what it reports. Writers to a pipe, who cannot know the
    length, leave the largest number there is.
    """
    for promised, held in PROMISE.findall(log):
        if int(promised) < 0x7FFF0000:
            return int(promised), int(held)
    return 0, 0


def _counted_mp3(stream: BinaryIO) -> bool:
    """Whether an MP3 file's first frame counts its frames; otherwise its length is but estimated."""
    start, tag = peek(stream, 0, 10), 0
    if start[:3] == b"ID3" and len(start) == 10:
        tag = 10 + sum(byte << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0), strict=True))
    frame = peek(stream, tag, 2048)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))
