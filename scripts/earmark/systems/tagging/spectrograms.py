"""Log-mel spectrograms as files: one shard of tensors and its index, computed once per clip.

A clip's tensor, under its key, is [frames, 128] float16: cut to the frames that the task's model sees,
never padded, not normalised, so that one file serves every fold and seed. The index is the manifest of
the shard with what else is needed to train from it: where the tensor and the FLAC file lie, to the
byte, and the sums that mean and deviation of the training clips are made from.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.audio import waveform as audio
from earmark.core.checksums import Clips
from earmark.core.errors import AudioError, UserError
from earmark.core.progress import tqdm
from earmark.core.records import ROW_GROUP, Clip, iter_manifest
from earmark.data.shards import both
from earmark.models.state_writer import StateWriter
from earmark.systems.tagging.fbank import fbank
from earmark.systems.tagging.framing import SAMPLE_RATE, frames_of, samples_for
from earmark.systems.tagging.index import INDEX


@dataclass(frozen=True)
class Own:
    """What the index says of a clip besides its row of the manifest; of one without audio, nothing."""

    frames: int = 0
    cut: bool = False
    sum: float = 0.0
    sum_squares: float = 0.0
    fbank_offset: int = 0
    flac_offset: int = 0
    flac_size: int = 0

    @classmethod
    def of(cls, made: Tensor, cut: bool, fbank_offset: int, flac_offset: int, flac_size: int) -> Own:
        """Return what is said of a spectrogram [frames, 128]; ``cut`` if the clip has more of it."""
        cells = made.double()
        sums = float(cells.sum()), float(cells.square().sum())
        return cls(len(made), cut, *sums, fbank_offset, flac_offset, flac_size)


def write(tar: Path, index: Path, frames: int, output: Path, output_index: Path) -> None:
    """Write the spectrograms of a shard of 16 kHz clips and their index: both or none.

    Raises:
        UserError: the clips have another rate, or the tar is damaged or not that of the index.

    """
    usable = sum(clip.ok for clip in iter_manifest(index))
    cut, spent, seen = 0, 0.0, Clips()
    with both(output, output_index) as (body, partial), body.open("wb") as stream:
        tensors = StateWriter(stream, usable, {"frames": str(frames), "sample_rate": str(SAMPLE_RATE)})
        start = stream.tell()
        bar = tqdm(total=usable, desc=f"spectrograms of {tar.name}", unit="clip")
        with bar, pq.ParquetWriter(partial, INDEX, compression="zstd") as rows:
            clips = iter_manifest(index)
            members = _members(tar)
            while batch := list(islice(clips, ROW_GROUP)):
                flat = []
                for clip in batch:
                    own = Own()
                    if clip.ok:
                        samples, *place = _samples(clip, members, tar)
                        started = time.perf_counter()
                        made = fbank(torch.from_numpy(samples[: samples_for(frames)])).half()
                        spent += time.perf_counter() - started
                        longer = frames_of(len(samples)) > frames
                        own = Own.of(made, longer, start + tensors.end, *place)
                        tensors.add(clip.key, made)
                        cut += own.cut
                        bar.update()
                    flat.append(asdict(clip) | vars(own))
                    seen.add(clip)
                rows.write_table(pa.Table.from_pylist(flat, schema=INDEX))
            if next(members, None) is not None:
                raise _disagree(tar, "it holds more clips than the index")
            tensors.close()
            stream.close()
            rows.add_key_value_metadata(seen.metadata(body))
    print(f"{usable} clips, {cut} of them cut to {frames} frames, {spent:.1f} s of computing", flush=True)


def _members(tar: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, offset and content of every FLAC file of a shard."""
    try:
        with tarfile.open(tar, "r:") as file:
            while (member := file.next()) is not None:
                if member.name.endswith(".flac"):
                    body = file.extractfile(member)
                    assert body is not None
                    yield member.name, member.offset_data, body.read()
                file.members = []  # type: ignore[attr-defined]  # it keeps all it has seen
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UserError(f"{tar} is damaged ({error}); delete it to make it again") from None


def _samples(
    clip: Clip, members: Iterator[tuple[str, int, bytes]], tar: Path
) -> tuple[NDArray[np.float32], int, int]:
    """Return the next clip's samples, and where its file lies in the tar: offset and size in bytes."""
    if clip.sample_rate != SAMPLE_RATE:
        raise UserError(
            f"{tar}: wrong sample rate ({clip.sample_rate} Hz, {SAMPLE_RATE} needed); "
            f"set data.sample_rate to {SAMPLE_RATE} or more and pack again"
        )
    name, offset, content = next(members, ("", 0, b""))
    if name != f"{clip.key}.flac":
        raise _disagree(tar, f"'{clip.key}' is not where the index has it")
    try:
        samples = audio.read(io.BytesIO(content), SAMPLE_RATE)
    except AudioError as error:
        raise _disagree(tar, f"'{clip.key}': {error}") from None
    return samples, offset, len(content)


def _disagree(tar: Path, what: str) -> UserError:
    return UserError(f"{tar} and its index disagree ({what}); delete both to make them again")
