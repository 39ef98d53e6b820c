"""From a fetched file to the kept clip: cut to the sample, mono, resampled, FLAC."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.audio import waveform as audio
from earmark.audio.decoded import Decoded
from earmark.audio.measure import measured
from earmark.config.packing import Kept
from earmark.core.errors import AudioError
from earmark.core.files import replacing
from earmark.core.records import Measures
from earmark.data.fetch import reasons
from earmark.data.fetch.client import Media
from earmark.data.fetch.reasons import Failure, reason

Samples = NDArray[np.float32]

MIN_SHARE = 0.9
"""A recording often ends a little before the listed end of its last segment; what is there is kept,
with its real length, if it is this share of what was wanted."""

LATER_S = 1.0
"""What is decoded behind the wanted end to see that a recording goes on."""


@dataclass(frozen=True)
class Cut:
    """A clip that was written, and what it and the file it was cut from are like."""

    sha256: str
    duration_s: float
    measures: Measures


def keep(media: Media, path: Path, kept: Kept) -> Cut:
    """Cut a fetched file and write the clip to ``path``.

    Raises:
        Failure: the file can't be decoded or ends too early.

    """
    decoded, samples = _wanted(media, kept.sample_rate, kept.channels)
    content = audio.flac_bytes(samples, kept.sample_rate)
    with replacing(path) as partial:
        partial.write_bytes(content)
    seen = measured(samples, kept.sample_rate, [decoded])
    seen = replace(seen, filled_s=seen.filled_s + media.filled_s, tracks=max(seen.tracks, media.tracks))
    return Cut(hashlib.sha256(content).hexdigest(), len(samples) / kept.sample_rate, seen)


def _wanted(media: Media, rate: int, channels: str) -> tuple[Decoded, Samples]:
    """Return the wanted stretch as decoded, a little less where the recording ends, and at ``rate``."""
    wanted = media.end_s - media.start_s
    if math.isinf(wanted):
        return _rest(media, rate, channels)
    try:
        return _read(media, rate, channels, media.end_s)
    except AudioError as error:
        first = str(error)
    try:
        # It ends before the wanted end, or is broken, which shows again. If it goes on for longer, it is
        # broken too, and its length is anybody's guess: no more of it is taken than was wanted.
        most = wanted + LATER_S
        decoded, samples = _read(media, rate, channels, None, most)
    except AudioError as error:
        if "wrong length" in first or str(error).startswith(("no samples", "too short")):
            raise Failure(_short(0.0, wanted, media)) from None
        found = reasons.classify(first)
        raise Failure(found if found.kind.permanent else reason("decode", reasons.cleaned(first))) from None
    if len(samples) > wanted * rate:
        raise Failure(reason("decode", reasons.cleaned(first)))
    if len(samples) < MIN_SHARE * wanted * rate:
        raise Failure(_short(len(samples) / rate, wanted, media))
    return decoded, samples


def _rest(media: Media, rate: int, channels: str) -> tuple[Decoded, Samples]:
    """Return all that there is behind the start."""
    try:
        return _read(media, rate, channels, None)
    except AudioError as error:
        found = reasons.classify(str(error))
        raise Failure(
            found if found.kind.permanent else reason("decode", reasons.cleaned(str(error)))
        ) from None


def _read(
    media: Media, rate: int, channels: str, end_s: float | None, max_s: float = audio.MAX_SECONDS
) -> tuple[Decoded, Samples]:
    """Return a stretch from the wanted start on, as decoded and at ``rate``; raises AudioError."""
    decoded = audio.decode(media.path, media.start_s, end_s, channels, max_s)
    return decoded, audio.resampled(decoded.samples, decoded.sample_rate, rate)


def _short(seconds: float, wanted: float, media: Media) -> reasons.Reason:
    """Return the reason for too little audio; a section of a longer recording broke off on the way."""
    detail = f"{seconds:.2f} of {wanted:.2f} s"
    return reason("network", f"section broke off, {detail}") if media.goes_on else reason("too short", detail)
