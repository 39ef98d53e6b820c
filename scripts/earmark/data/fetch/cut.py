"""From a fetched file to the kept clip: cut to the sample, mono, resampled, FLAC."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.audio import waveform as audio
from earmark.config.packing import Kept
from earmark.core.errors import AudioError
from earmark.core.files import replacing
from earmark.data.fetch import reasons
from earmark.data.fetch.client import Media
from earmark.data.fetch.reasons import Failure, reason

MIN_SHARE = 0.9
"""A recording often ends a little before the listed end of its last segment; what is there is kept,
with its real length, if it is this share of what was wanted."""

LATER_S = 1.0
"""What is decoded behind the wanted end to see that a recording goes on."""


def keep(media: Media, path: Path, kept: Kept) -> tuple[str, float]:
    """Cut a fetched file and write the clip to ``path``; returns its SHA-256 and seconds.

    Raises:
        Failure: the file can't be decoded or ends too early.

    """
    samples = _samples(media, kept.sample_rate, kept.channels)
    content = audio.flac_bytes(samples, kept.sample_rate)
    with replacing(path) as partial:
        partial.write_bytes(content)
    return hashlib.sha256(content).hexdigest(), len(samples) / kept.sample_rate


def _samples(media: Media, rate: int, channels: str) -> NDArray[np.float32]:
    """Return the wanted stretch, shape [samples]; a little less where the recording ends."""
    wanted = media.end_s - media.start_s
    if math.isinf(wanted):
        return _rest(media, rate, channels)
    try:
        return audio.read(media.path, rate, media.start_s, media.end_s, channels=channels)
    except AudioError as error:
        first = str(error)
    try:
        # It ends before the wanted end, or is broken, which shows again. If it goes on for longer, it is
        # broken too, and its length is anybody's guess: no more of it is taken than was wanted.
        most = wanted + LATER_S
        samples = audio.read(media.path, rate, media.start_s, channels=channels, max_s=most)
    except AudioError as error:
        if "wrong length" in first or str(error).startswith(("no samples", "too short")):
            raise Failure(_short(0.0, wanted, media)) from None
        found = reasons.classify(first)
        raise Failure(found if found.kind.permanent else reason("decode", reasons.cleaned(first))) from None
    if len(samples) > wanted * rate:
        raise Failure(reason("decode", reasons.cleaned(first)))
    if len(samples) < MIN_SHARE * wanted * rate:
        raise Failure(_short(len(samples) / rate, wanted, media))
    return samples


def _rest(media: Media, rate: int, channels: str) -> NDArray[np.float32]:
    """Return all that there is behind the start, shape [samples]."""
    try:
        return audio.read(media.path, rate, media.start_s, channels=channels)
    except AudioError as error:
        found = reasons.classify(str(error))
        raise Failure(
            found if found.kind.permanent else reason("decode", reasons.cleaned(str(error)))
        ) from None


def _short(seconds: float, wanted: float, media: Media) -> reasons.Reason:
    """Return the reason for too little audio; a section of a longer recording broke off on the way."""
    detail = f"{seconds:.2f} of {wanted:.2f} s"
    return reason("network", f"section broke off, {detail}") if media.goes_on else reason("too short", detail)
