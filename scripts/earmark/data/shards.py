"""Tar shards: deterministic webdataset tars with an index beside each, readable by stock loaders.

A clip is two members, ``<key>.flac`` and ``<key>.json``: what is needed to train from the tar alone.
The same clips give the same bytes, wherever their files lie: members carry no path, time, owner or host.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import webdataset as wds
from numpy.typing import NDArray

from earmark.audio import waveform as audio
from earmark.audio.measure import measured, of_source
from earmark.audio.reader import Reader
from earmark.core.errors import AudioError, UserError
from earmark.core.files import Json, replacing
from earmark.core.progress import tqdm
from earmark.core.records import Clip, Tally, write_manifest

SAFE_KEY = re.compile(r"[A-Za-z0-9_-]+")
TAR_BLOCK = 512
COPIED = 1 << 20
"""Bytes of a member that are copied at a time."""
OWNER = "earmark"


@dataclass(frozen=True)
class Form:
    """What packed clips are like, and how much of them a shard may hold.

    ``channels`` is the policy for several channels, ``mean`` or ``first``; a megabyte is 10^6 bytes.
    """

    sample_rate: int
    channels: str = "mean"
    max_clips: int | None = None
    max_megabytes: float | None = None


class Full(Exception):
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

    Raises:
        UserError: the shard would be larger than ``form`` allows (with the number ``of`` that would
            do), more clips failed than allowed, or two clips have one key.

    """
    planned, seconds, listed = 0, 0.0, 0
    for clip in clips():
        listed += 1
        if clip.ok:
            planned, seconds = planned + 1, seconds + clip.duration_s
    if form.max_clips and planned > form.max_clips:
        raise _too_large(tar, f"{planned} clips", "clips", form.max_clips, split, of * planned)
    tally = Tally()
    try:
        with both(tar, index) as (body, partial), Writer(body, tar.name, form.max_megabytes) as made:
            rows = tqdm(
                pack(clips(), made, form),
                desc=f"packing {tar.name}",
                total=listed,  # those that failed have rows, too
                unit="clip",
            )
            write_manifest(partial, tally.watch(rows))
            tally.check(max_failed_share, str(tar))
    except Full as full:
        expected = full.megabytes * max(1.0, seconds / max(full.seconds, 1e-9))
        assert form.max_megabytes is not None
        what = f"about {expected:.3g} MB"
        raise _too_large(tar, what, "megabytes", form.max_megabytes, split, of * expected) from None


@contextlib.contextmanager
def both(tar: Path, index: Path) -> Iterator[tuple[Path, Path]]:
    """Yield temporary paths of a tar and its index that take their names together.

    An old index goes first and the new one takes its name last: none is ever beside a tar that it
    does not describe, whenever the process is killed.
    """
    with replacing(index) as partial, replacing(tar) as body:
        yield body, partial
        index.unlink(missing_ok=True)


def _too_large(tar: Path, what: str, key: str, limit: float, split: str, total: float) -> UserError:
    """Return the error that names the number of shards that would do."""
    return UserError(
        f"{tar}: {what} in one shard are more than data.shard_limits.{key} allows ({limit:g}); "
        f"set data.shards.{split} to {math.ceil(total / limit)} or raise the limit"
    )


class Writer:
    """A tar being written, clip by clip; ``name`` is what rows call the shard, if not the path's.

    Raises:
        UserError: a key is not unique, or not safe in a tar and a shell.
        Full: the tar grew over ``max_megabytes`` (of 10^6 bytes).

    """

    def __init__(self, path: Path, name: str = "", max_megabytes: float | None = None) -> None:
        self._name, self._limit = name or path.name, max_megabytes
        self._tar = tarfile.TarFile(path, "w", format=tarfile.USTAR_FORMAT, copybufsize=COPIED)
        self._keys: set[str] = set()
        self._size, self._seconds = 0, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._tar.close()

    def claim(self, clip: Clip) -> None:
        """Refuse a key that another clip has, or that is no plain file name."""
        if not SAFE_KEY.fullmatch(clip.key):
            raise UserError(
                f"{self._name}: clip {clip.clip_id!r}: "
                f"the key {clip.key!r} is not of letters, digits, _ and -"
            )
        if clip.key in self._keys:
            raise UserError(f"{self._name}: two clips have the key '{clip.key}' (one is {clip.clip_id!r})")
        self._keys.add(clip.key)

    def add(self, clip: Clip, content: bytes) -> None:
        """Write a clip's FLAC file and its JSON; sets ``shard`` and ``sha256`` of the row."""
        clip.shard, clip.sha256 = self._name, hashlib.sha256(content).hexdigest()
        sidecar = described(clip)
        for suffix, body in (("flac", content), ("json", sidecar)):
            member = tarfile.TarInfo(f"{clip.key}.{suffix}")
            member.size, member.mode, member.uname, member.gname = len(body), 0o444, OWNER, OWNER
            self._tar.addfile(member, io.BytesIO(body))
        self._seconds += clip.duration_s
        self._size += sum(TAR_BLOCK * (1 - -len(part) // TAR_BLOCK) for part in (content, sidecar))
        if self._limit and self._size > self._limit * 1e6:
            raise Full(self._size / 1e6, self._seconds)


def pack(clips: Iterable[Clip], tar: Writer, form: Form) -> Iterator[Clip]:
    """Cut, join and write the usable clips; yield the index rows as they come.

    A clip that cannot be decoded is yielded as failed with its reason and is not in the tar.
    """
    with Reader(form.channels) as reader:
        for clip in clips:
            if clip.ok:
                tar.claim(clip)
                try:
                    samples, content = assemble(clip, form, reader)
                except AudioError as error:
                    clip.fail(str(error))
                else:
                    clip.duration_s = len(samples) / form.sample_rate
                    clip.sample_rate, clip.channels = form.sample_rate, 1
                    tar.add(clip, content)
            yield clip


def assemble(clip: Clip, form: Form, reader: Reader) -> tuple[NDArray[np.float32], bytes]:
    """Return the clip's audio [samples], its parts decoded, resampled and joined, and that as FLAC.

    What the audio is like is put down in ``clip.measures``, beside what is known there of a file that it was
    fetched from. A clip that is a whole file, mono 16-bit FLAC at the right rate, keeps its bytes: encoding
    it again gains nothing.

    Raises:
        AudioError: a part cannot be read.

    """
    parts = [reader.decode(Path(part.path), part.start_s, part.end_s) for part in clip.parts]
    made = [audio.resampled(part.samples, part.sample_rate, form.sample_rate) for part in parts]
    samples = made[0] if len(made) == 1 else np.concatenate(made)
    seen = measured(samples, form.sample_rate, parts)
    clip.measures = seen if clip.measures is None else of_source(seen, clip.measures)
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


def members(path: Path) -> Iterator[Json]:
    """Yield the members of every clip of a shard, in order: ``__key__``, ``flac``, ``json``.

    Raises:
        UserError: the tar is damaged.

    """
    try:
        # In a list, a path is taken as it is: no braces in it are expanded.
        yield from wds.WebDataset([str(path)], shardshuffle=False, handler=wds.reraise_exception)
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise damaged(path, error) from None


def stream(path: Path, sample_rate: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield key and audio [samples] of every clip of a shard, in order.

    Raises:
        UserError: the tar is damaged.

    """
    for sample in members(path):
        try:
            yield sample["__key__"], audio.read(io.BytesIO(sample["flac"]), sample_rate)
        except (AudioError, KeyError) as error:
            raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> UserError:
    """Return what is said of a tar that cannot be read."""
    # webdataset puts the stream and the path behind the reason.
    reason = str(error.args[0] if error.args else error).partition(" @ ")[0]
    return UserError(f"{path} is damaged ({reason}); delete it to make it again")
