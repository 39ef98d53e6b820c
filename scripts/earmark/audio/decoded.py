"""Decoded audio: what a decoder gives, and what becomes of too much or too little of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import AudioError

MIN_SECONDS = 0.03
"""Shorter clips give the audio encoders no token at all (measured on the Whisper front end)."""


@dataclass(frozen=True)
class Decoded:
    """Mono audio [samples] at the file's own rate, and what the file is.

    ``container`` is libsndfile's name of the format in lower case, or ffmpeg's of its demuxer.
    ``clipped`` counts samples of all channels at full scale of 16 bits. ``flac`` is the file itself
    where it is a whole mono 16-bit FLAC file whose checksum agrees: nothing is gained by encoding it
    again. ``joined`` counts the streams that stand one behind the other in the file, ``tracks`` those side by
    side, of which one is decoded; ``filled_s`` is the silence, in seconds, where its clock goes on and no
    sound does.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    channels: int
    container: str
    decoder: str
    clipped: int = 0
    flac: bytes | None = None
    joined: int = 1
    filled_s: float = 0.0
    tracks: int = 1


def check_length(frames: int, sample_rate: int) -> None:
    """Raise :class:`AudioError` for audio too short to give a token."""
    if frames == 0:
        raise AudioError("no samples")
    if frames < MIN_SECONDS * sample_rate:
        raise AudioError(
            f"too short ({frames / sample_rate * 1000:.0f} ms, at least {MIN_SECONDS * 1000:.0f})"
        )


def check_bound(seconds: float, max_s: float) -> None:
    """Raise :class:`AudioError` for more seconds than are taken into memory."""
    if seconds > max_s:
        raise AudioError(f"too long ({seconds:.0f} s, at most {max_s:.0f} in one clip)")


def check_count(frames: int, expected: int, rate: int) -> None:
    """Raise :class:`AudioError` where other frames were decoded than were promised."""
    if frames != expected:
        raise AudioError(f"wrong length ({frames / rate:.3f} s decoded, {expected / rate:.3f} expected)")
