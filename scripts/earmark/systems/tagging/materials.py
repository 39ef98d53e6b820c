"""What a student is trained on: clips by role, and what teachers say of them, checked beforehand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from earmark.core.checksums import folded, of_indexes
from earmark.core.files import Json, sha256
from earmark.systems.tagging import mel_statistics as statistics
from earmark.systems.tagging.asked import Places, TrainingJob
from earmark.systems.tagging.augment import Augmentation
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.dataset import Clips
from earmark.systems.tagging.index import PLACED, entries, usable
from earmark.systems.tagging.loader import Part
from earmark.systems.tagging.recipe import shards
from earmark.systems.tagging.settings import CE, MULTI_LABEL, SINGLE_LABEL
from earmark.systems.tagging.splits import TRAIN, VALIDATION, roles
from earmark.systems.tagging.teachers.checks import Taught, check
from earmark.systems.tagging.teachers.store import Logits


@dataclass(frozen=True)
class Files:
    """The files of a training, shard by shard.

    ``audio`` is empty where nothing is mixed; ``logits`` has a list per teacher.
    """

    indexes: list[Path]
    fbanks: list[Path]
    audio: list[Path]
    logits: list[list[Path]]
    classes: Path
    statistics: Path

    @classmethod
    def of(cls, places: Places, classes: Path, numbers: Path) -> Files:
        """Return the files by folder and number of shards, as the rule lists them.

        Args:
            places: folders and numbers of shards.
            classes: of the task.
            numbers: the statistics of its spectrograms.

        """

        def listed(folder: str, suffix: str, splits: Sequence[str]) -> list[Path]:
            of = places.shards
            return [path for split in splits for path in shards(folder, split, of[split], suffix)]

        every = list(places.shards)
        return cls(
            listed(places.fbank, "parquet", every),
            listed(places.fbank, "safetensors", every),
            listed(places.audio, "tar", every) if places.audio else [],
            [listed(each.folder, "safetensors", each.splits) for each in places.logits],
            classes,
            numbers,
        )

    def checksums(self) -> Json:
        """Return what tells whether another training learned from the same: clips, spectrograms, logits."""
        return {
            **of_indexes(self.indexes),
            "logits_sha256": [folded(sha256(path) for path in part) for part in self.logits],
            "classes": Classes.read(self.classes).digest,
        }

    def fingerprint(self, *also: object) -> str:
        """Return what tells one training from another: its files as they are now, and ``also``."""
        paths = [*self.indexes, *self.fbanks, *self.audio, *(path for part in self.logits for path in part)]
        known = [
            (str(path), stat.st_size, stat.st_mtime_ns)
            for path in (*paths, self.classes, self.statistics)
            for stat in [path.stat()]
        ]
        return hashlib.sha256(json.dumps([known, *also], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Materials:
    """Clips to train on and to choose by; ``teachers`` is what is recorded of the teachers."""

    classes: Classes
    train: Part
    valid: Part
    teachers: Taught | None


def gather(chosen: TrainingJob, files: Files, seed: int) -> Materials:
    """Return what a student is trained on.

    Args:
        chosen: the training.
        files: of the training.
        seed: of what is random about a clip.

    Raises:
        UserError: a file is damaged or missing, classes differ, a clip has no logits although all must, or no
            clip is left for a role.

    """
    classes, fold = Classes.read(files.classes), chosen.fold
    tagging, training = chosen.tagging, chosen.training
    rows = pa.concat_tables([usable(path, PLACED) for path in files.indexes])
    place = roles(entries(rows), tagging, fold, chosen.seed)
    store = Logits(files.logits) if chosen.weight < 1 else None
    kind = SINGLE_LABEL if training.loss == CE else MULTI_LABEL
    clips = Clips(
        files.indexes,
        files.fbanks,
        files.audio,
        classes,
        tagging,
        statistics.read(files.statistics, fold),
        Augmentation.of(training, seed),
        store,
        tau=chosen.tau,
        partners=place[TRAIN],
        soft_kind=kind,
    )
    train, valid = Part(clips, place[TRAIN]), Part(clips.untouched(), place[VALIDATION])
    found = None
    if store is not None:
        ids = [clips.clip_ids[index] for index in train.chosen]
        labels = train.label_table()
        found = check(store, classes, ids, labels, chosen.unlabelled_by_teacher)
    return Materials(classes, train, valid, found)
