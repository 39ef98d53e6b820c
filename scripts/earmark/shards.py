"""Tar shards: deterministic webdataset tars with an index beside each, readable by stock loaders.

The same clips give the same bytes: members carry no time, owner or host.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import webdataset as wds
from numpy.typing import NDArray
from tqdm import tqdm

from earmark import audio
from earmark.audio import AudioError
from earmark.errors import UserError
from earmark.files import replacing
from earmark.records import Clip


def pack(clips: Iterable[Clip], path: Path, sample_rate: int) -> Iterator[Clip]:
    """Cut, join and write the usable clips as FLAC members of a tar; yield the index rows as they come.

    A clip that cannot be decoded is yielded as failed with its reason and is not in the tar. The tar
    takes its name when the last row has been taken.
    """
    with (
        replacing(path) as partial,
        wds.TarWriter(str(partial), user="earmark", group="earmark", mtime=0) as tar,
    ):
        for clip in tqdm(clips, desc=f"packing {path.name}", unit="clip", mininterval=1.0):
            if clip.ok:
                try:
                    samples = assemble(clip, sample_rate)
                except AudioError as error:
                    clip.fail(str(error))
                else:
                    content = audio.flac_bytes(samples, sample_rate)
                    tar.write({"__key__": clip.key, "flac": content})
                    clip.shard, clip.sha256 = path.name, hashlib.sha256(content).hexdigest()
                    clip.duration_s = len(samples) / sample_rate
                    clip.sample_rate, clip.channels = sample_rate, 1
            yield clip


def assemble(clip: Clip, sample_rate: int) -> NDArray[np.float32]:
    """Return the clip's audio, its parts decoded, resampled and joined; shape [samples].

    Raises:
        AudioError: a part cannot be read.

    """
    parts = []
    for part in clip.parts:
        try:
            parts.append(audio.read(Path(part.path), sample_rate, part.start_s, part.end_s))
        except FileNotFoundError:
            raise AudioError("missing") from None
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def stream(path: Path, sample_rate: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield key and audio [samples] of every member of a shard, in order.

    Raises:
        UserError: the tar is damaged or holds audio of another rate.

    """
    try:
        for sample in wds.WebDataset(str(path), shardshuffle=False, handler=wds.reraise_exception):
            yield sample["__key__"], audio.read(io.BytesIO(sample["flac"]), sample_rate)
    except (AudioError, OSError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
