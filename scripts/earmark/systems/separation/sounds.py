"""Labelled recordings that mixtures are made of, read from shards one by one, kept while there is room."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.audio import waveform
from earmark.core.errors import AudioError, UserError
from earmark.core.records import Clip, iter_manifest, reason_code
from earmark.systems.separation.mono import Wave
from earmark.systems.separation.network.spectrum import SAMPLE_RATE

KEPT_BYTES = 1 << 30
"""Of decoded recordings in memory."""


@dataclass(frozen=True)
class _Place:
    """Where a recording's FLAC file lies in a tar."""

    tar: Path
    offset: int
    size: int


class Sounds:
    """The usable clips of some shards, with random access to their audio at 32 kHz."""

    def __init__(
        self, clips: Sequence[Clip], places: Sequence[_Place], max_failed_share: float = 0.0
    ) -> None:
        self.clips = list(clips)
        self._places, self._allowed = list(places), max_failed_share
        self._kept: dict[int, Wave] = {}
        self._bytes = 0
        self.failed: dict[str, str] = {}

    @classmethod
    def read(cls, indexes: Iterable[Path], max_failed_share: float = 0.0) -> Sounds:
        """Return the clips that shards hold; their tars lie beside their indexes.

        Raises:
            UserError: a shard is missing or damaged, or has another rate than 32 kHz.

        """
        clips: list[Clip] = []
        places: list[_Place] = []
        for index in indexes:
            tar = index.with_suffix(".tar")
            found = _members(tar)
            for clip in iter_manifest(index):
                if clip.ok and clip.labels:
                    if clip.sample_rate != SAMPLE_RATE:
                        raise UserError(
                            f"{tar} is packed at {clip.sample_rate} Hz, separation hears {SAMPLE_RATE}; set "
                            f"data.sample_rate of the task to {SAMPLE_RATE}"
                        )
                    if clip.key not in found:
                        raise UserError(f"{tar} lacks {clip.key}.flac; delete it to make it again")
                    clips.append(clip)
                    places.append(found[clip.key])
        if not clips:
            raise UserError("the shards hold no labelled clip: nothing can be mixed")
        return cls(clips, places, max_failed_share)

    def __len__(self) -> int:
        return len(self.clips)

    def chosen(self, numbers: Sequence[int]) -> Sounds:
        """Return some of the clips, by number."""
        clips = [self.clips[number] for number in numbers]
        return Sounds(clips, [self._places[number] for number in numbers], self._allowed)

    @property
    def labels(self) -> list[str]:
        """Every label, sorted."""
        return sorted({label for clip in self.clips for label in clip.labels})

    def wave(self, number: int) -> Wave | None:
        """Return the audio of a clip [samples], or None where it cannot be decoded.

        Raises:
            UserError: more clips were unreadable than allowed; names the first of them.

        """
        if number in self._kept:
            return self._kept[number]
        place, clip = self._places[number], self.clips[number]
        try:
            with place.tar.open("rb") as stream:
                content = os.pread(stream.fileno(), place.size, place.offset)
            made = waveform.read(io.BytesIO(content), SAMPLE_RATE)
            if not np.isfinite(made).all():
                raise AudioError("not finite (it holds samples that are no numbers)")
        except AudioError as error:
            self._fail(clip, str(error))
            return None
        if self._bytes + made.nbytes <= KEPT_BYTES:
            self._kept[number] = made
            self._bytes += made.nbytes
        return made

    def _fail(self, clip: Clip, reason: str) -> None:
        self.failed[clip.clip_id] = reason_code(reason)
        if len(self.failed) > self._allowed * len(self.clips):
            first, why = next(iter(self.failed.items()))
            raise UserError(
                f"{len(self.failed)} of {len(self.clips)} clips cannot be decoded ({first}: {why}); make "
                "their shards again, or raise max_failed_share of the training"
            )


def _members(tar: Path) -> dict[str, _Place]:
    """Return where the FLAC files of a tar lie, by key; only headers are read."""
    try:
        with tarfile.open(tar, "r:") as members:
            return {
                member.name.removesuffix(".flac"): _Place(tar, member.offset_data, member.size)
                for member in members
                if member.name.endswith(".flac")
            }
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UserError(f"{tar} is missing or damaged ({error}); delete it to make it again") from None
