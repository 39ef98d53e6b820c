"""Files of a small tagging task, made as the rules make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from earmark.core.records import Clip
from earmark.data import shards
from earmark.systems.tagging import spectrograms
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.config import TaskTagging
from earmark.systems.tagging.dataset import Clips
from earmark.systems.tagging.normal import Normal

TAGGING = TaskTagging(kind="multi_label", frames=128, validation_share=0.2)
STATISTICS = Normal(mean=-4.0, std=3.0)


def changed(**changes) -> TaskTagging:
    """The task's section, but for some keys."""
    return TAGGING.model_copy(update=changes)


@dataclass
class Task:
    """Files of a task as the rules make them."""

    clips: list[Clip] = field(default_factory=list)
    audio: dict[str, np.ndarray] = field(default_factory=dict)
    tars: list[Path] = field(default_factory=list)
    indexes: list[Path] = field(default_factory=list)
    fbanks: list[Path] = field(default_factory=list)
    classes: Classes = Classes(("hum", "hiss", "beep"), ("", "", ""), "multi_label")

    def opened(self, **changes) -> Clips:
        given = {
            "indexes": self.indexes, "fbanks": self.fbanks, "tars": self.tars, "classes": self.classes,
            "tagging": TAGGING, "fold_statistics": STATISTICS,
        }  # fmt: skip
        return Clips(**given | changes)

    def shard(self, folder: Path, split: str, number: int, clips: list[Clip]) -> None:
        tar = folder / "shards" / f"{split}-{number:05d}-of-00002.tar"
        shards.write(
            lambda: iter(clips), tar, tar.with_suffix(".parquet"), shards.Form(16000), max_failed_share=1
        )
        fbank = folder / "fbank" / f"{split}-{number:05d}-of-00002.safetensors"
        spectrograms.write(
            tar, tar.with_suffix(".parquet"), TAGGING.frames, fbank, fbank.with_suffix(".parquet")
        )
        self.clips += clips
        self.tars.append(tar)
        self.indexes.append(fbank.with_suffix(".parquet"))
        self.fbanks.append(fbank)
