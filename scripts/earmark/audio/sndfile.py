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
from functools import cached_property

import soundfile

from earmark.audio import mp3, riff
from earmark.audio.source import Source
from earmark.core.errors import AudioError

UNKNOWN_LENGTH = 1 << 62

PROMISE = re.compile(r"^\s*(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


class Straight(soundfile.SoundFile):
    """A file read from where it stands to its end, without a jump.

    soundfile sets the position behind every read to where it is already. To a decoder that is a jump: it
    starts anew, which takes time, and of an MP3 the bits that a frame borrows from those before it are lost.
    """

    def seekable(self) -> bool:
        """Say so, which is all that soundfile asks."""
        return False

    @cached_property
    def format(self) -> str:
        """The container, looked up once: soundfile goes through its table each time."""
        return str(super().format)

    @cached_property
    def subtype(self) -> str:
        """The encoding, as well."""
        return str(super().subtype)


def plausible(sample_rate: int) -> bool:
    """Whether audio may have this sample rate."""
    return 1000 <= sample_rate <= 768_000


@contextlib.contextmanager
def opened(source: Source) -> Iterator[tuple[soundfile.SoundFile | None, str]]:
    """Yield the open sound file, or None and why libsndfile is not the one to read it.

    Raises:
        AudioError: the header promises more than the file holds, or what no audio has.

    """
    stream = source.stream
    try:
        # A descriptor has no name: libsndfile takes some endings for a format, headerless audio at that.
        if isinstance(stream, io.BufferedReader):
            os.lseek(stream.fileno(), 0, os.SEEK_SET)
            sound = Straight(stream.fileno(), closefd=False)
        else:
            stream.seek(0)
            sound = Straight(stream, closefd=False)
    except (soundfile.LibsndfileError, TypeError) as error:
        yield None, words(error)
        return
    with sound:
        if not plausible(sound.samplerate):
            raise AudioError(f"unreadable (a sample rate of {sound.samplerate} Hz)")
        promised, held = _promise(sound.extra_info)
        if promised > held:
            raise AudioError(f"wrong length (the header promises {promised} bytes, {held} are there)")
        if sound.frames >= UNKNOWN_LENGTH:
            yield None, "the header gives no length"
        elif problem := _untold(sound, source):
            yield None, problem
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


def _untold(sound: soundfile.SoundFile, source: Source) -> str:
    """Return why a header is not to be believed and another decoder has to count; empty if it is.

    Raises:
        AudioError: there is less than it says, and nobody can tell what belongs where.

    """
    if sound.format == "MP3":
        return _of_mp3(source.frames)
    mpeg = sound.format in ("WAV", "WAVEX") and source.wav is not None and source.wav.codec in riff.MPEG
    return "MP3 in WAV is left to ffmpeg" if mpeg else ""


def _of_mp3(found: mp3.Frames | None) -> str:
    """Return why an MP3 file's count of frames is not to be believed; raises AudioError for lost ones."""
    if found is None or not found.counted or found.counted < 0:
        return "the header gives no length"
    if found.damage:
        raise AudioError(f"undecodable ({found.damage})")
    if found.counted > found.number:
        raise AudioError(
            f"wrong length (the header counts {found.counted} MP3 frames, {found.number} are there)"
        )
    return "" if found.counted == found.number else "the header counts fewer frames than there are"
