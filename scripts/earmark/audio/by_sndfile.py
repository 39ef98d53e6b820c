"""What libsndfile decodes: a stretch of an open file, in blocks, its length and checksum compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import soundfile
from numpy.typing import NDArray

from earmark.audio import flac
from earmark.audio.decoded import Decoded, check_bound, check_count, check_length
from earmark.audio.downmix import Mono
from earmark.audio.source import Source
from earmark.core.errors import AudioError

BLOCK = 1 << 16
"""Samples decoded at a time: they stay in the processor's cache for all that is done with them."""


def decode(
    sound: soundfile.SoundFile,
    source: Source,
    start_s: float,
    end_s: float | None,
    channels: str,
    max_s: float,
) -> Decoded:
    """Return ``[start_s, end_s)`` of an open sound file, checked against its own checksum where it has one.

    Raises:
        AudioError: it is not all there, too long, or other audio than was encoded.

    """
    rate, first = sound.samplerate, round(start_s * sound.samplerate)
    count = (sound.frames if end_s is None else round(end_s * rate)) - first
    check_bound(count / rate, max_s)
    if first + count > sound.frames:
        check_count(max(0, sound.frames - first), count, rate)
    signature = None
    if sound.format == "FLAC" and first == 0 and count == sound.frames:
        signature = flac.signature(source.content, sound.subtype)
    straight = signature is None and not _jumps(sound, source)
    if first and straight:
        for _ in _blocks(sound, first, "int16"):
            pass
    elif first:
        sound.seek(first)
    mono = Mono(channels, count)
    # 16 bits stay integers as long as they can: that is half the memory to go through.
    dtype = signature.dtype if signature else "int16" if sound.subtype == "PCM_16" else "float32"
    for block in _blocks(sound, max(0, count), dtype):
        if signature is not None:
            signature.take(block)
        mono.add(block)
    samples = mono.samples()
    if count < sound.frames and not straight:
        # A jump in a damaged file may have led elsewhere; then one to where the cut ends fails.
        sound.seek(first + len(samples))
    check_count(len(samples), count, rate)
    check_length(count, rate)
    if signature is not None and not signature.agrees:
        raise AudioError("checksum (the FLAC header is of other audio than the file decodes to)")
    whole = None
    if signature is not None and signature.plain and sound.channels == 1 and sound.subtype == "PCM_16":
        whole = source.content[:]
    return Decoded(samples, rate, sound.channels, sound.format.lower(), "libsndfile", mono.clipped, whole)


def _jumps(sound: soundfile.SoundFile, source: Source) -> bool:
    """Say whether a jump in a file leads where it should; raises AudioError if its length is another."""
    frames = source.flac if sound.format == "FLAC" else None
    if frames is None:
        return True
    if frames.samples != sound.frames:
        raise AudioError(
            f"wrong length (the FLAC header counts {sound.frames} samples, its frames hold {frames.samples})"
        )
    return frames.steady


def _blocks(sound: soundfile.SoundFile, count: int, dtype: str) -> Iterator[NDArray[Any]]:
    """Yield ``count`` frames, or what there is of them, in blocks [frames, channels]."""
    most = max(1, BLOCK // sound.channels)
    while count > 0:
        block = sound.read(min(count, most), dtype=dtype, always_2d=True)
        if not len(block):
            return
        count -= len(block)
        yield block
