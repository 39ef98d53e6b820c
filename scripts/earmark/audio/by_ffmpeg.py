"""What libsndfile does not decode, decoded by ffmpeg into whatever takes the blocks as they come."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from earmark.audio import clock, sndfile
from earmark.audio import containers as ffmpeg
from earmark.core.errors import AudioError


class Taker(Protocol):
    """What takes blocks of decoded audio."""

    def add(self, block: NDArray[np.float32]) -> None:
        """Take a block [frames, channels]."""


class Frames:
    """Counts frames as they come."""

    number = 0

    def add(self, block: NDArray[np.float32]) -> None:
        """Take a block [frames, channels]."""
        self.number += len(block)


Made = TypeVar("Made", bound=Taker)


def decode(
    stream: BinaryIO,
    start_s: float,
    end_s: float | None,
    max_s: float,
    problem: str,
    begin: Callable[[], Made],
) -> tuple[Made, ffmpeg.Stream]:
    """Decode ``[start_s, end_s)`` of a file, ``problem`` being why libsndfile does not.

    Returns:
        What ``begin`` made, with all blocks added to it, and what they came from.

    Raises:
        AudioError: ffmpeg cannot decode it either.

    """
    if not isinstance(stream, io.BufferedReader):
        raise AudioError(f"undecodable ({problem})")
    try:
        try:
            return _decode(stream, start_s, end_s, max_s, begin, None)
        except ffmpeg.OtherTrackError as other:
            return _decode(stream, start_s, end_s, max_s, begin, other.track)
    except ffmpeg.DecodeError as error:
        if "matches no streams" in str(error):
            raise AudioError("no audio (the file has no sound track)") from None
        code = "undecodable" if error.opened else "unreadable"
        raise AudioError(f"{code} (libsndfile: {problem}; {error})") from None


def _decode(
    stream: BinaryIO,
    start_s: float,
    end_s: float | None,
    max_s: float,
    begin: Callable[[], Made],
    track: int | None,
) -> tuple[Made, ffmpeg.Stream]:
    """Decode a stretch of a sound track, in one run of ffmpeg if it is a whole one without gaps."""
    if start_s == 0 and clock.to_be_looked_at(stream):
        with (
            contextlib.suppress(ffmpeg.ClockError),
            ffmpeg.decoding_steady(stream, end_s, max_s=max_s, track=track) as decoded,
        ):
            return _taken(decoded, begin()), decoded
    with ffmpeg.decoding(stream, start_s, end_s, max_s=max_s, track=track) as decoded:
        return _taken(decoded, begin()), decoded


def _taken(decoded: ffmpeg.Stream, taker: Made) -> Made:
    """Add what is decoded to what takes it."""
    if not sndfile.plausible(decoded.sample_rate):
        raise AudioError(f"unreadable (a sample rate of {decoded.sample_rate} Hz)")
    for block in decoded.blocks:
        taker.add(block)
    return taker
