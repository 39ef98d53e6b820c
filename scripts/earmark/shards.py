"""Tar shards: deterministic webdataset tars with an index beside each, readable by stock loaders.

A clip is two members, ``<key>.flac`` and ``<key>.json``: what is needed to train from the tar alone.
The same clips give the same bytes, wherever their files lie: members carry no path, time, owner or host.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import webdataset as wds
from numpy.typing import NDArray
from tqdm import tqdm

from earmark import audio
from earmark.audio import AudioError, Decoded
from earmark.errors import UserError
from earmark.files import replacing
from earmark.measure import measured
from earmark.records import Clip, Tally, write_manifest

SAFE_KEY = re.compile(r"[A-Za-z0-9_-]+")
TAR_BLOCK = 512


@dataclass(frozen=True)
class Form:
    """What packed clips are like, and how much of them a shard may hold.

    ``channels`` is the policy for several channels, ``mean`` or ``first``; a megabyte is 10^6 bytes.
    """

    sample_rate: int
    channels: str = "mean"
    max_clips: int | None = None
    max_megabytes: float | None = None


class _Full(Exception):
    """The shard has grown over its limit; ``seconds`` of audio made ``megabytes``."""

    def __init__(self, megabytes: float, seconds: float) -> None:
        super().__init__()
        self.megabytes, self.seconds = megabytes, seconds


def write(
    clips: Callable[[], Iterable[Clip]],
    tar: Path,
    index: Path,
    form: Form,
    *,
    max_failed_share: float = 0.0,
    split: str = "test",
    of: int = 1,
) -> None:
    """Write a shard and its index: both or none. ``clips`` starts over at each call.

    The tar takes its name before its index, and an old index goes first: an index is never beside a
    tar it does not describe, whenever the process is killed.

    Raises:
        UserError: the shard would be larger than ``form`` allows (with the number ``of`` that would
            do), more clips failed than allowed, or two clips have one key.

    """
    planned, seconds = 0, 0.0
    for clip in clips():
        if clip.ok:
            planned, seconds = planned + 1, seconds + clip.duration_s
    if form.max_clips and planned > form.max_clips:
        raise _too_large(tar, f"{planned} clips", "clips", form.max_clips, split, of * planned)
    tally = Tally()
    try:
        with replacing(index) as partial:
            with replacing(tar) as body:
                with tqdm(total=planned, desc=f"packing {tar.name}", unit="clip", mininterval=1.0) as bar:
                    rows = pack(clips(), body, form, name=tar.name)
                    write_manifest(partial, tally.watch(_shown(rows, bar)))
                tally.check(max_failed_share, str(tar))
                index.unlink(missing_ok=True)
    except _Full as full:
        expected = full.megabytes * max(1.0, seconds / max(full.seconds, 1e-9))
        assert form.max_megabytes is not None
        what = f"about {expected:.0f} MB" if expected > full.megabytes else f"over {full.megabytes:.0f} MB"
        raise _too_large(tar, what, "megabytes", form.max_megabytes, split, of * expected) from None


def _too_large(
    tar: Path, what: str, key: str, limit: float, split: str, total: float
) -> UserError:
    """Return the error that names the number of shards that would do."""
    return UserError(
        f"{tar}: {what} in one shard are more than data.shard_limits.{key} allows ({limit:g}); "
        f"set data.shards.{split} to {math.ceil(total / limit)} or raise the limit"
    )


def _shown(rows: Iterator[Clip], bar: Any) -> Iterator[Clip]:
    for row in rows:
        bar.update()
        yield row


def pack(clips: Iterable[Clip], path: Path, form: Form, *, name: str = "") -> Iterator[Clip]:
    """Cut, join and write the usable clips as members of a tar; yield the index rows as they come.

    A clip that cannot be decoded is yielded as failed with its reason and is not in the tar. The tar
    is complete when the last row has been taken. ``name`` is what rows call the shard, if not ``path``'s.

    Raises:
        UserError: a key is not unique, or not safe in a tar and a shell.

    """
    keys: set[str] = set()
    size, seconds = 0, 0.0
    with wds.TarWriter(str(path), user="earmark", group="earmark", mtime=0) as tar:
        for clip in clips:
            if clip.ok:
                _check_key(clip, keys, name or path.name)
                try:
                    samples, content = assemble(clip, form)
                except AudioError as error:
                    clip.fail(str(error))
                else:
                    clip.shard, clip.sha256 = name or path.name, hashlib.sha256(content).hexdigest()
                    clip.duration_s = len(samples) / form.sample_rate
                    clip.sample_rate, clip.channels = form.sample_rate, 1
                    sidecar = described(clip)
                    tar.write({"__key__": clip.key, "flac": content, "json": sidecar})
                    seconds += clip.duration_s
                    size += sum(TAR_BLOCK * (1 - -len(part) // TAR_BLOCK) for part in (content, sidecar))
                    if form.max_megabytes and size > form.max_megabytes * 1e6:
                        raise _Full(size / 1e6, seconds)
            yield clip


def _check_key(clip: Clip, keys: set[str], name: str) -> None:
    """Refuse a key that another clip of the shard has, or that is no plain file name."""
    if not SAFE_KEY.fullmatch(clip.key):
        raise UserError(f"{name}: clip {clip.clip_id!r}: the key {clip.key!r} is not of letters, digits, _ and -")
    if clip.key in keys:
        raise UserError(f"{name}: two clips have the key '{clip.key}' (the second is {clip.clip_id!r})")
    keys.add(clip.key)


def assemble(clip: Clip, form: Form) -> tuple[NDArray[np.float32], bytes]:
    """Return the clip's audio [samples], its parts decoded, resampled and joined, and that as FLAC.

    What the audio is like is put down in ``clip.measures``. A clip that is a whole file, mono 16-bit
    FLAC at the right rate, keeps its bytes: encoding it again gains nothing.

    Raises:
        AudioError: a part cannot be read.

    """
    parts: list[Decoded] = [
        audio.decode(Path(part.path), part.start_s, part.end_s, form.channels) for part in clip.parts
    ]
    made = [audio.resampled(part.samples, part.sample_rate, form.sample_rate) for part in parts]
    samples = made[0] if len(made) == 1 else np.concatenate(made)
    clip.measures = measured(samples, form.sample_rate, parts)
    whole = parts[0].flac if len(parts) == 1 and parts[0].sample_rate == form.sample_rate else None
    return samples, audio.flac_bytes(samples, form.sample_rate) if whole is None else whole


def described(clip: Clip) -> bytes:
    """Return the clip's JSON member; nothing in it depends on where the source files lie.

    ``labels`` lists the classes, ``label`` is the one, or all joined by ``;`` as loaders of multi-label
    data expect. What is empty is left out.
    """
    content = {
        "id": clip.clip_id,
        "label": ";".join(clip.labels),
        "labels": clip.labels,
        "text": clip.text,
        "options": clip.options,
        "spans": [asdict(span) for span in clip.spans],
        "source_id": clip.source_id,
        "group": clip.group,
        "split": clip.split,
        "duration_s": clip.duration_s,
        "sample_rate": clip.sample_rate,
        "licence": clip.licence,
        "origin": clip.origin,
        "sha256": clip.sha256,
    }
    return json.dumps({key: value for key, value in content.items() if value}).encode()


def members(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the members of every clip of a shard, in order: ``__key__``, ``flac``, ``json``.

    Raises:
        UserError: the tar is damaged.

    """
    try:
        # In a list, a path is taken as it is: no braces in it are expanded.
        yield from wds.WebDataset([str(path)], shardshuffle=False, handler=wds.reraise_exception)
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise _damaged(path, error) from None


def stream(path: Path, sample_rate: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield key and audio [samples] of every clip of a shard, in order.

    Raises:
        UserError: the tar is damaged.

    """
    for sample in members(path):
        try:
            yield sample["__key__"], audio.read(io.BytesIO(sample["flac"]), sample_rate)
        except (AudioError, KeyError) as error:
            raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({error}); delete it to make it again")
