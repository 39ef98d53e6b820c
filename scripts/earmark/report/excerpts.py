"""Short audible excerpts of packed clips, small enough for a page."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earmark.audio import ogg
from earmark.audio import waveform as audio
from earmark.core.errors import AudioError, UserError
from earmark.core.records import iter_manifest

RATES = (8000, 12000, 16000, 24000)
"""What Opus takes; other rates are brought to the highest."""

QUALITY = 0.94
"""libsndfile's compression level; about 25 kbit/s of mono audio."""

TASK = re.compile(r"[a-z][a-z0-9_]*")
SERIAL = slice(14, 18)  # in an Ogg page


def shards(data: Path, task: str) -> list[Path]:
    """Return the packed test shards of a task that are on disk with their index."""
    if not TASK.fullmatch(task):
        return []
    found = sorted((data / task / "shards").glob("test-*.tar"))
    return [path for path in found if path.with_suffix(".parquet").is_file()]


def excerpts(
    data: Path, task: str, clips: Iterable[str], seconds: float, threads: int = 1
) -> Iterator[tuple[str, bytes]]:
    """Yield clip id and the first ``seconds`` of each clip asked for that is on disk, as Ogg Opus.

    Only the members asked for are read; of the others a tar's headers alone.

    Raises:
        UserError: a shard or its index is damaged.

    """
    starts = list(_starts(data, task, clips, seconds))
    with ThreadPoolExecutor(threads) as pool:  # encoding is most of the work, and leaves Python alone
        yield from pool.map(lambda start: (start[0], opus(*start[1:])), starts)


def _starts(
    data: Path, task: str, clips: Iterable[str], seconds: float
) -> Iterator[tuple[str, NDArray[np.float32], int]]:
    """Yield clip id, the samples of its first seconds and their rate."""
    wanted = set(clips)
    for tar in shards(data, task):
        if not wanted:
            return
        keys = {
            f"{c.key}.flac": c.clip_id
            for c in iter_manifest(tar.with_suffix(".parquet"), "test")
            if c.clip_id in wanted
        }
        try:
            with tarfile.open(tar, "r:") as members:
                for member in members if keys else ():
                    clip = keys.pop(member.name, None)
                    stream = members.extractfile(member) if clip is not None and member.isfile() else None
                    if clip is not None and stream is not None:
                        wanted.discard(clip)
                        yield clip, *_start(stream.read(), seconds)
                    if not keys:
                        break
        except (OSError, EOFError, tarfile.TarError, AudioError, soundfile.LibsndfileError) as error:
            raise UserError(f"{tar} is damaged ({error}); delete it to make it again") from None


def _start(content: bytes, seconds: float) -> tuple[NDArray[np.float32], int]:
    """Return the first seconds of an audio file [samples] and their rate."""
    with soundfile.SoundFile(io.BytesIO(content)) as stream:
        samples = stream.read(round(seconds * stream.samplerate), dtype="float32", always_2d=True)
        return samples.mean(axis=1), int(stream.samplerate)


def opus(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Return audio [samples] as Ogg Opus; the same samples give the same bytes."""
    rate = sample_rate if sample_rate in RATES else RATES[-1]
    made = io.BytesIO()
    made.name = "excerpt.ogg"
    soundfile.write(
        made,
        audio.resampled(samples, sample_rate, rate),
        rate,
        format="OGG",
        subtype="OPUS",
        compression_level=QUALITY,
    )
    return _numbered(made.getvalue())


def _numbered(content: bytes) -> bytes:
    """Return an Ogg file whose stream has the number 0: libsndfile draws it by the clock."""
    numbered = bytearray()
    for each in ogg.pages(content):
        page = bytearray(content[each.start : each.end])
        page[SERIAL] = bytes(4)
        ogg.sign(page)
        numbered += page
    return bytes(numbered)
