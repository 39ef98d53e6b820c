"""Reading, resampling and writing audio.

Decoding is libsndfile's (soundfile), resampling soxr's at high quality. Audio is float32 mono in
[-1, 1]; several channels are averaged, the one policy here, recorded as such.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

MIN_SECONDS = 0.03
"""Shorter clips give the audio encoders no token at all (measured on the Whisper front end)."""


class AudioError(Exception):
    """A file that cannot be used; its text is the reason kept in the manifest."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself, without decoding it."""

    duration_s: float
    sample_rate: int
    channels: int


def probe(path: Path) -> Header:
    """Read a file's header.

    Raises:
        AudioError: missing, empty, not audio, or too short.

    """
    if not path.is_file():
        raise AudioError("missing")
    if path.stat().st_size == 0:
        raise AudioError("empty file")
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise AudioError(f"unreadable ({error.error_string.rstrip('.')})") from None
    header = Header(info.frames / info.samplerate, info.samplerate, info.channels)
    check_length(info.frames, info.samplerate)
    return header


def check_length(frames: int, sample_rate: int) -> None:
    """Raise :class:`AudioError` for audio too short to give a token."""
    if frames == 0:
        raise AudioError("no samples")
    if frames < MIN_SECONDS * sample_rate:
        raise AudioError(
            f"too short ({frames / sample_rate * 1000:.0f} ms, at least {MIN_SECONDS * 1000:.0f})"
        )


def read(
    source: Path | BinaryIO, sample_rate: int, start_s: float = 0.0, end_s: float | None = None
) -> NDArray[np.float32]:
    """Decode ``[start_s, end_s)`` of a file as mono at ``sample_rate``; returns [samples].

    Raises:
        AudioError: the file cannot be decoded, ends before ``end_s``, or is too short.

    """
    try:
        with soundfile.SoundFile(source if not isinstance(source, Path) else str(source)) as file:
            rate = file.samplerate
            first = round(start_s * rate)
            count = -1 if end_s is None else round(end_s * rate) - first
            file.seek(first)
            frames = file.read(count, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"undecodable ({error.error_string.rstrip('.')})") from None
    if count >= 0 and len(frames) < count:
        raise AudioError(f"decodes to {len(frames) / rate:.2f} s, {count / rate:.2f} s expected")
    check_length(len(frames), rate)
    mono = frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError("holds samples that are not finite numbers")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    return np.ascontiguousarray(mono, dtype=np.float32)


def flac_bytes(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode mono audio as 16-bit FLAC; louder than full scale is clipped, as any player would."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1, 1), sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
