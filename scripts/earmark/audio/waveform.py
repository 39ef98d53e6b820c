"""Reading, resampling and writing audio.

libsndfile (soundfile) decodes what it knows, ffmpeg the rest; resampling is soxr's at high quality.
Audio is float32 in [-1, 1] and becomes mono by a stated policy: ``mean`` of the channels or ``first``.
Files are opened once and passed on as descriptors: what a file is depends on its content, never on
its name, and headerless audio is refused, not guessed.

Lengths. A stretch ``[start_s, end_s)`` is the frames ``[round(start_s * rate), round(end_s * rate))``
at the file's own rate; n frames give ``floor(n * new / old + 1/2)`` samples at another. What decodes
to another length than was promised is refused.

Reasons (``code (details)``) of what cannot be used:

========================  ============================================================================
missing                   there is no such file
empty file                it has no bytes
leads out of the folder   its name leads out of the data set's folder
unreadable                neither decoder knows the format
undecodable               the format is known, the content is damaged, changes its rate or channels
                          midway, or took the decoder too long
checksum                  a FLAC file decodes to other audio than was encoded
wrong length              the header promises, or the manifest expects, more than there is, or there is
                          more than it states
no audio                  it holds pictures only
no samples                its sound track is empty
too short                 less than a token's worth
too long                  more than is taken into memory for one clip
not finite                it holds samples that are no numbers
========================  ============================================================================
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earmark.audio import by_ffmpeg, by_sndfile, parts, sndfile
from earmark.audio.by_sndfile import BLOCK
from earmark.audio.containers import Stream
from earmark.audio.decoded import Decoded, check_bound, check_count, check_length
from earmark.audio.downmix import Mono
from earmark.audio.source import Source
from earmark.core.errors import AudioError

MAX_SECONDS = 3600.0
"""Longer stretches are not taken into memory: a clip is at most an hour."""

LONGEST_FILE_S = 24 * 3600.0


@dataclass(frozen=True)
class Header:
    """What a file is: length and form of its audio, container and who can decode it."""

    duration_s: float
    sample_rate: int
    channels: int
    container: str
    decoder: str


def probe(path: Path) -> Header:
    """Return what a file says of itself; where it says nothing reliable, decode it to count.

    Raises:
        AudioError: missing, empty, not audio, cut off, or too short.

    """
    with parts.opened(path) as stream, parts.within(stream) as sources:
        return _sum([_header(each) for each in sources])


def _header(source: Source) -> Header:
    """Return what a stream of one recording says of itself."""
    with sndfile.opened(source) as (sound, problem):
        if sound is not None:
            header = Header(
                sound.frames / sound.samplerate,
                sound.samplerate,
                sound.channels,
                sound.format.lower(),
                "libsndfile",
            )
            check_length(sound.frames, sound.samplerate)
            return header
    counted, decoded = by_ffmpeg.decode(source.stream, 0.0, None, LONGEST_FILE_S, problem, by_ffmpeg.Frames)
    frames = counted.number
    check_length(frames, decoded.sample_rate)
    rate = decoded.sample_rate
    return Header(frames / rate, rate, decoded.channels, decoded.container, "ffmpeg")


def _sum(headers: list[Header]) -> Header:
    """Return the header of streams that stand one behind the other."""
    parts.check_alike({(header.sample_rate, header.channels) for header in headers})
    return replace(headers[0], duration_s=sum(header.duration_s for header in headers))


def read(
    source: Path | BinaryIO,
    sample_rate: int,
    start_s: float = 0.0,
    end_s: float | None = None,
    channels: str = "mean",
    max_s: float = MAX_SECONDS,
) -> NDArray[np.float32]:
    """Decode ``[start_s, end_s)`` of a file as mono at ``sample_rate``; returns [samples].

    Raises:
        AudioError: the file cannot be decoded, ends before ``end_s``, is too short or longer than ``max_s``.

    """
    decoded = decode(source, start_s, end_s, channels, max_s)
    return resampled(decoded.samples, decoded.sample_rate, sample_rate)


def resampled(samples: NDArray[np.float32], old: int, new: int) -> NDArray[np.float32]:
    """Return mono audio at another rate: ``floor(n * new / old + 1/2)`` samples."""
    if old == new:
        return samples
    made = soxr.resample(samples, old, new, quality="HQ")
    expected = (2 * len(samples) * new + old) // (2 * old)
    if len(made) != expected:
        raise AudioError(f"wrong length ({len(made)} samples after resampling, {expected} expected)")
    return np.ascontiguousarray(made, dtype=np.float32)


def decode(
    source: Path | BinaryIO,
    start_s: float = 0.0,
    end_s: float | None = None,
    channels: str = "mean",
    max_s: float = MAX_SECONDS,
) -> Decoded:
    """Decode ``[start_s, end_s)`` of a file, or of a stream of what libsndfile knows, as mono.

    More than ``max_s`` seconds are not taken into memory.

    Raises:
        AudioError: see the table of reasons above.

    """
    if not isinstance(source, Path):
        return _decode(source, start_s, end_s, channels, max_s)
    with parts.opened(source) as stream:
        return _decode(stream, start_s, end_s, channels, max_s)


def flac_bytes(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode mono audio as 16-bit FLAC; louder than full scale is clipped, as any player would.

    What came from 16 bits goes back to the same 16 bits: libsndfile's own conversion scales by 32767
    and would not.
    """
    buffer = io.BytesIO()
    whole = np.empty(len(samples), np.int16)
    for at in range(0, len(samples), BLOCK):
        block = samples[at : at + BLOCK] * np.float32(32768)
        np.rint(block, out=block)
        whole[at : at + BLOCK] = np.clip(block, -32768, 32767, out=block)
    soundfile.write(buffer, whole, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _decode(stream: BinaryIO, start_s: float, end_s: float | None, channels: str, max_s: float) -> Decoded:
    with parts.within(stream) as sources:
        return decode_within(sources, start_s, end_s, channels, max_s)


def decode_within(
    sources: list[Source],
    start_s: float,
    end_s: float | None,
    channels: str = "mean",
    max_s: float = MAX_SECONDS,
) -> Decoded:
    """Decode ``[start_s, end_s)`` of a file that is open, its streams found; see :func:`decode`."""
    if end_s is not None:
        check_bound(end_s - start_s, max_s)
    if len(sources) > 1:
        return _decode_joined(sources, start_s, end_s, channels, max_s)
    return _decode_one(sources[0], start_s, end_s, channels, max_s)


def _decode_joined(
    sources: list[Source], start_s: float, end_s: float | None, channels: str, max_s: float
) -> Decoded:
    """Decode streams that stand one behind the other, and cut what is wanted of them."""
    made = [_decode_one(part, 0.0, None, channels, LONGEST_FILE_S) for part in sources]
    parts.check_alike({(part.sample_rate, part.channels) for part in made})
    rate, samples = made[0].sample_rate, np.concatenate([part.samples for part in made])
    first = round(start_s * rate)
    count = (len(samples) if end_s is None else round(end_s * rate)) - first
    check_bound(count / rate, max_s)
    wanted = samples[first : first + count]
    check_count(len(wanted), count, rate)
    check_length(count, rate)
    clipped = sum(part.clipped for part in made)
    return replace(made[0], samples=wanted, clipped=clipped, flac=None, joined=len(sources))


def _decode_one(source: Source, start_s: float, end_s: float | None, channels: str, max_s: float) -> Decoded:
    source.check()
    with sndfile.opened(source) as (sound, problem):
        if sound is not None:
            try:
                return by_sndfile.decode(sound, source, start_s, end_s, channels, max_s)
            except soundfile.LibsndfileError as error:
                # Another decoder might pass over the damage.
                raise AudioError(f"undecodable ({sndfile.words(error)})") from None
    begin = partial(Mono, channels)
    mono, decoded = by_ffmpeg.decode(source.stream, start_s, end_s, max_s, problem, begin)
    return from_ffmpeg(mono, decoded, start_s, end_s)


def from_ffmpeg(mono: Mono, decoded: Stream, start_s: float, end_s: float | None) -> Decoded:
    """Return ``[start_s, end_s)`` of what ffmpeg decoded; raises AudioError if it is not all there."""
    samples, rate = mono.samples(), decoded.sample_rate
    if end_s is not None:
        check_count(len(samples), round(end_s * rate) - round(start_s * rate), rate)
    check_length(len(samples), rate)
    return Decoded(
        samples,
        rate,
        decoded.channels,
        decoded.container,
        "ffmpeg",
        mono.clipped,
        filled_s=decoded.filled_s,
        tracks=decoded.tracks,
    )
