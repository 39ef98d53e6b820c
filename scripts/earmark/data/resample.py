"""A shard at a lower sample rate: same clips, keys and rows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from earmark.audio import waveform as audio
from earmark.audio.decoded import check_length
from earmark.audio.measure import measured
from earmark.core.errors import AudioError, UserError
from earmark.core.progress import tqdm
from earmark.core.records import Clip, iter_manifest, write_manifest
from earmark.data.shards import Writer, both, members


def resample(tar: Path, index: Path, rate: int, output: Path, output_index: Path) -> None:
    """Write a shard's clips at ``rate`` Hz, and their index; both or none.

    The index goes on naming the sources and how they were decoded; what changes with the rate is
    measured again.

    Raises:
        UserError: the clips have a lower rate, or the tar and its index disagree.

    """
    with both(output, output_index) as (body, partial), Writer(body) as made:
        rows = _resampled(tar, index, rate, made)
        bar = tqdm(rows, desc=f"resampling {tar.name} to {rate} Hz", unit="clip")
        write_manifest(partial, bar)


def _resampled(tar: Path, index: Path, rate: int, made: Writer) -> Iterator[Clip]:
    """Yield the index rows as their clips are written."""
    samples = members(tar)
    for clip in iter_manifest(index):
        if clip.ok:
            member = next(samples, None)
            if member is None or member["__key__"] != clip.key or "flac" not in member:
                raise _disagree(tar, f"'{clip.key}' is not where the index has it")
            if rate > clip.sample_rate:
                raise UserError(
                    f"{tar}: wrong rate ({clip.sample_rate} Hz cannot become {rate} Hz: what lies above "
                    f"{clip.sample_rate // 2} Hz is not there); set data.sample_rate to {rate} and pack again"
                )
            made.claim(clip)
            made.add(clip, _lowered(clip, member["flac"], tar, rate))
        yield clip
    if next(samples, None) is not None:
        raise _disagree(tar, "it holds more clips than the index")


def _lowered(clip: Clip, content: bytes, tar: Path, rate: int) -> bytes:
    """Return a clip's FLAC at ``rate``, its row brought up to date; at the same rate nothing changes."""
    if hashlib.sha256(content).hexdigest() != clip.sha256:
        raise _disagree(tar, f"'{clip.key}' is not the audio that the index names")
    if rate == clip.sample_rate:
        return content
    try:
        decoded = audio.decode(io.BytesIO(content))
        samples = audio.resampled(decoded.samples, decoded.sample_rate, rate)
        check_length(len(samples), rate)
    except AudioError as error:
        raise _disagree(tar, f"'{clip.key}': {error}") from None
    clip.duration_s, clip.sample_rate = len(samples) / rate, rate
    if clip.measures is not None:
        now = measured(samples, rate, [decoded])
        clip.measures = replace(
            clip.measures,
            peak=now.peak,
            rms_db=now.rms_db,
            silent_share=now.silent_share,
        )
    return audio.flac_bytes(samples, rate)


def _disagree(tar: Path, what: str) -> UserError:
    return UserError(f"{tar} and its index disagree ({what}); delete both to make them again")
