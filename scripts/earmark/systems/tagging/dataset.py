"""Tagging clips for a model: features from the spectrogram files, mixed ones from their audio.

    clips = Clips(indexes, fbanks, tars, classes, tagging, statistics)
    place = roles(clips.entries(), tagging, fold, seed)
    loader = DataLoader(clips, sampler=..., collate_fn=collate)   # the sampler yields (index, draw)

A clip is known by its number among the usable clips of all shards, in the order of the files. What is
random about an item is a function of the augmentation's seed and the item's draw, so that workers,
order and resuming change nothing. Files are opened when first needed, in the process that reads them.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import soundfile
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch.utils.data import Dataset

from earmark.core import checksums
from earmark.core.errors import UserError, nearest
from earmark.systems.tagging.asked import Input
from earmark.systems.tagging.augment import Augmentation, masked, mixed, shifted
from earmark.systems.tagging.classes import SINGLE_LABEL, Classes
from earmark.systems.tagging.fbank import fbank
from earmark.systems.tagging.framing import BINS, SAMPLE_RATE, samples_for
from earmark.systems.tagging.index import PLACED, Entry, entries, usable
from earmark.systems.tagging.mapped import Mapped
from earmark.systems.tagging.normal import Normal

STORED = ("frames", "cut", "fbank_offset", "flac_offset", "flac_size")


class Teacher(Protocol):
    """What gives a clip's probabilities: the stored logits of one or more teachers."""

    def probabilities(self, clip_id: str, tau: float, kind: str) -> Tensor | NDArray[np.float32]:
        """Return [classes] float32, a tensor or an array."""

    def missing(self, clip_ids: Sequence[str]) -> Sequence[str]:
        """Return the clips that have none."""


@dataclass(frozen=True)
class Example:
    """One clip as a model sees it: features [frames, 128] normalised and padded, targets [classes].

    ``soft`` are the teacher's probabilities, None without a teacher; with one that has not seen the
    clip, or the one it is mixed with, zeros, and ``has_soft`` is False. ``mixed``: with another clip.
    """

    clip_id: str
    features: Tensor
    target: Tensor
    soft: Tensor | None
    has_soft: bool
    mixed: bool = False


@dataclass(frozen=True)
class Batch:
    """Examples stacked: features [batch, frames, 128], targets and soft targets [batch, classes].

    ``has_soft`` and ``mixed`` are bool [batch].
    """

    clip_ids: list[str]
    features: Tensor
    target: Tensor
    soft: Tensor | None
    has_soft: Tensor
    mixed: Tensor

    def pin_memory(self) -> Batch:
        """Return the batch in page-locked memory, for DataLoader's ``pin_memory``."""
        return self._each(Tensor.pin_memory)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with every tensor changed."""
        soft = None if self.soft is None else change(self.soft)
        features, target, has_soft, mixed = map(
            change, (self.features, self.target, self.has_soft, self.mixed)
        )
        return Batch(self.clip_ids, features, target, soft, has_soft, mixed)


def collate(examples: Sequence[Example]) -> Batch:
    """Stack examples; what a DataLoader's ``collate_fn`` is."""
    soft = [example.soft for example in examples if example.soft is not None]
    return Batch(
        [example.clip_id for example in examples],
        torch.stack([example.features for example in examples]),
        torch.stack([example.target for example in examples]),
        torch.stack(soft) if soft else None,
        torch.tensor([example.has_soft for example in examples]),
        torch.tensor([example.mixed for example in examples]),
    )


class Clips(Dataset[Example]):
    """The usable clips of a task's shards.

    Args:
        indexes: the Parquet files of rule fbank, shard by shard.
        fbanks: their safetensors files, in the same order.
        tars: the 16 kHz shards they were computed from, in the same order; empty if nothing is mixed.
        classes: the task's classes.
        tagging: the kind of the targets and the length of the spectrograms.
        fold_statistics: of the fold, of ``statistics.json``.
        augmentation: None gives every clip as it is.
        teacher: stored logits, read at temperature ``tau``.
        partners: numbers of the clips that others may be mixed with: those trained on. Needed with
            mixup, so that no clip that chooses or tests a model gets into its training.
        soft_kind: what the logits become, ``multi_label`` or ``single_label``; the task's kind unless given.

    Raises:
        UserError: a file is damaged, files don't belong together, a label is no class, or a clip of a
            single-label task has not exactly one.
        ValueError: mixup without partners or tars.

    """

    def __init__(
        self,
        indexes: Sequence[Path],
        fbanks: Sequence[Path],
        tars: Sequence[Path],
        classes: Classes,
        tagging: Input,
        fold_statistics: Normal,
        augmentation: Augmentation | None = None,
        teacher: Teacher | None = None,
        *,
        tau: float = 1.0,
        partners: Sequence[int] | NDArray[np.int64] | None = None,
        soft_kind: str | None = None,
    ) -> None:
        if augmentation and augmentation.mixup and (partners is None or not len(partners) or not tars):
            raise ValueError("mixup needs the clips that others may be mixed with, and the tars of all")
        self.classes, self.augmentation = classes, augmentation
        self.frames = tagging.frames
        self.mean, self.std = fold_statistics.mean, fold_statistics.std
        checksums.verify(fbanks, indexes)
        self._fbanks, self._tars = Mapped(fbanks), Mapped(tars)
        tables = [usable(path, ("clip_id", "labels", *PLACED, *STORED)) for path in indexes]
        rows = pa.concat_tables(tables)
        self._shard = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables])
        self.clip_ids: list[str] = rows["clip_id"].to_pylist()
        self._placed = rows.select(list(PLACED))
        self._stored = {name: rows[name].to_numpy() for name in STORED}
        self.cut: NDArray[np.bool_] = self._stored.pop("cut").astype(bool)
        self._starts, self._codes = self._labelled(rows["labels"], tagging.kind)
        if len(self.clip_ids) and int(self._stored["frames"].max()) > self.frames:
            raise UserError(
                f"{indexes[0]}: spectrograms of more than tagging.frames ({self.frames}) frames; delete "
                "them to make them again"
            )
        self.partners = None if partners is None else np.asarray(partners, dtype=np.int64)
        self._teacher, self._tau, self._soft_kind = teacher, tau, soft_kind or tagging.kind
        self._unseen = frozenset(teacher.missing(self.clip_ids)) if teacher is not None else frozenset()

    def __len__(self) -> int:
        return len(self.clip_ids)

    def entries(self) -> Iterator[Entry]:
        """Return what decides each clip's role, in order: what ``roles`` reads."""
        return entries(self._placed)

    def untouched(self) -> Clips:
        """Return the same clips without augmentation and without a teacher."""
        other = copy.copy(self)
        other.augmentation = other._teacher = None
        return other

    def label_table(self) -> csr_array:
        """Return the multi-hot labels [clips, classes] of all clips as a sparse matrix, without copying."""
        ones = np.ones(len(self._codes), dtype=np.float32)
        return csr_array((ones, self._codes, self._starts), shape=(len(self), len(self.classes)))

    @cached_property
    def labels(self) -> Tensor:
        """Multi-hot labels [clips, classes] float32 of all clips; as large as that sounds."""
        made = torch.zeros(len(self), len(self.classes))
        owners = np.repeat(np.arange(len(self)), np.diff(self._starts))
        made[torch.from_numpy(owners), torch.from_numpy(self._codes)] = 1
        return made

    def target(self, index: int) -> Tensor:
        """Return the multi-hot labels [classes] of a clip."""
        made = torch.zeros(len(self.classes))
        made[torch.from_numpy(self._codes[self._starts[index] : self._starts[index + 1]])] = 1
        return made

    def __getitem__(self, item: int | tuple[int, int]) -> Example:
        """Return a clip; with augmentation, ``item`` is (number of the clip, number of the draw)."""
        index, draw = item if isinstance(item, tuple) else (item, 0)
        target, soft = self.target(index), self._soft(index)
        if self.augmentation is None:
            return self._example(index, self._normalised(self._features(index)), target, soft)
        how, rng = self.augmentation, self.augmentation.generator(draw)
        blended = rng.random() < how.mixup
        if blended:
            assert self.partners is not None
            other = int(self.partners[rng.integers(len(self.partners))])
            factor = float(rng.beta(how.mixup_beta, how.mixup_beta))
            features = fbank(mixed(self.waveform(index), self.waveform(other), factor))[: self.frames]
            target = factor * target + (1 - factor) * self.target(other)
            others = self._soft(other)
            soft = None if soft is None or others is None else factor * soft + (1 - factor) * others
        else:
            features = self._features(index)
        features = self._normalised(masked(self._padded(features), how.freq_mask, how.time_mask, rng))
        if how.noise:
            features = shifted(features, -self.mean / (2 * self.std), rng)
        return self._example(index, features, target, soft, blended)

    def waveform(self, index: int) -> Tensor:
        """Return the 16 kHz audio [samples] that a clip's features are made of."""
        found = self._tars.read(self._shard[index], *self._place(index, "flac_offset", "flac_size"))
        try:
            samples, rate = soundfile.read(io.BytesIO(found), samples_for(self.frames), dtype="float32")
        except soundfile.LibsndfileError as error:
            raise self._torn(index, f"{error}") from None
        if rate != SAMPLE_RATE or samples.ndim != 1:
            raise self._torn(index, "other audio than the index says")
        return torch.from_numpy(samples)

    def _example(
        self, index: int, features: Tensor, target: Tensor, soft: Tensor | None, mixed: bool = False
    ) -> Example:
        if self._teacher is None:
            return Example(self.clip_ids[index], features, target, None, False, mixed)
        given = torch.zeros_like(target) if soft is None else soft
        return Example(self.clip_ids[index], features, target, given, soft is not None, mixed)

    def _place(self, index: int, *columns: str) -> tuple[int, ...]:
        return tuple(int(self._stored[column][index]) for column in columns)

    def _features(self, index: int) -> Tensor:
        """Return a clip's stored features [own frames, 128] float32."""
        frames, offset = self._place(index, "frames", "fbank_offset")
        found = self._fbanks.read(self._shard[index], offset, frames * BINS * 2)
        return torch.from_numpy(np.frombuffer(found, dtype=np.float16).astype(np.float32)).view(frames, BINS)

    def _padded(self, features: Tensor) -> Tensor:
        """Return features as long as the model's, zeros after the clip's end."""
        return torch.nn.functional.pad(features, (0, 0, 0, self.frames - len(features)))

    def _normalised(self, features: Tensor) -> Tensor:
        return (self._padded(features) - self.mean) / (2 * self.std)

    def _soft(self, index: int) -> Tensor | None:
        """Return the teacher's probabilities of a clip, None where there are none."""
        clip_id = self.clip_ids[index]
        if self._teacher is None or clip_id in self._unseen:
            return None
        return torch.as_tensor(self._teacher.probabilities(clip_id, self._tau, self._soft_kind))

    def _labelled(self, labels: pa.ChunkedArray, kind: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where each clip's labels begin among all, and the class of each label."""
        counts = pc.list_value_length(labels).to_numpy()
        if kind == SINGLE_LABEL and (counts != 1).any():
            first = int(np.flatnonzero(counts != 1)[0])
            raise UserError(
                f"tagging.kind: single_label, but clip '{self.clip_ids[first]}' has {counts[first]} labels; "
                "set kind to multi_label or mend the labels"
            )
        words = pc.list_flatten(labels)
        codes = pc.index_in(words, pa.array(self.classes.names))
        if codes.null_count:
            word = words.filter(pc.is_null(codes))[0].as_py()
            raise UserError(
                f"tagging.classes: the label '{word}' is no class; {nearest(word, self.classes.names)}"
            )
        starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        return starts, codes.to_numpy().astype(np.int64)

    def _torn(self, index: int, what: str) -> UserError:
        path = self._tars.paths[self._shard[index]]
        return UserError(f"{path}: clip '{self.clip_ids[index]}': {what}; delete the shard to make it again")
