"""Distillation from stored logits against a teacher that runs in the loop: clips per second each.

One step on a batch is the student's forward, backward and optimiser step; what differs is where the soft
targets come from: rows read by clip id from stored logits, or the teacher's front end and network on the
batch's audio. Student and teacher have random weights, which cost what trained ones cost. The audio is in
memory already, which favours the loop: it would have to be decoded at 32 kHz too.

The two sides take turns in one process; the median counts, the spread is shown.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import library  # noqa: F401  (where earmark lies)
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import ASTConfig, ASTForAudioClassification

from earmark.core.allocator import keep_freed_memory
from earmark.core.records import Clip
from earmark.systems.tagging.teachers.mel import FrontEnd, LogMel
from earmark.systems.tagging.teachers.mobilenet_teacher import Tagger
from earmark.systems.tagging.teachers.mobilenet_v3 import MobileNetV3
from earmark.systems.tagging.teachers.store import Logits, Row, write

CLASSES = 527
TINY = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 256}


@dataclass(frozen=True)
class Setting:
    """A student and a teacher on clips of one length."""

    name: str
    frames: int
    width: float
    batch: int
    student: dict[str, int]

    @property
    def seconds(self) -> float:
        """Length of a clip."""
        return self.frames / 100


# The demo pair, and a published teacher's width with clips of 10 s on a student small enough for a CPU.
SETTINGS = (
    Setting("demo", 128, 0.1, 16, TINY),
    Setting("10s_mn10", 1024, 1.0, 2, TINY),
)


def _stored(folder: Path, ids: list[str]) -> Logits:
    """Write and open logits of some clips among a shard's thousand."""
    names = [*ids, *(f"other {number}" for number in range(1000 - len(ids)))]
    values = np.random.default_rng(0).normal(size=(len(names), CLASSES)).astype(np.float16)
    path = folder / "train-00000-of-00001.safetensors"
    rows = [Row(name, name, "ok", "", False) for name in names]
    write(path, values, rows, {"teacher": "random", "digest": "random", "classes_digest": "none"})
    return Logits([[path]])


def _sides(setting: Setting, folder: Path) -> dict[str, Callable[[], None]]:
    """Return one step of each side."""
    torch.manual_seed(0)
    config = ASTConfig(**setting.student, max_length=setting.frames, num_labels=CLASSES)
    student = ASTForAudioClassification(config).train()
    optimiser = torch.optim.AdamW(student.parameters(), lr=1e-4)
    features = torch.randn(setting.batch, setting.frames, 128)
    rate = FrontEnd().sample_rate
    waves = [np.random.default_rng(i).normal(size=round(setting.seconds * rate)).astype(np.float32) * 0.1
             for i in range(setting.batch)]  # fmt: skip
    ids = [f"clip {number}" for number in range(setting.batch)]
    clips = [Clip(name, [name], [], setting.seconds, rate, 1, "train", []) for name in ids]
    stored = _stored(folder, ids)
    teacher = Tagger(
        MobileNetV3(CLASSES, setting.width), LogMel(FrontEnd()), rate, setting.seconds, torch.device("cpu")
    )

    def step(soft: Tensor) -> None:
        loss = F.binary_cross_entropy_with_logits(student(features).logits, soft)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    def from_store() -> None:
        rows = [stored.probabilities(name, 1.0, "multi_label") for name in ids]
        step(torch.from_numpy(np.stack(rows)))

    def in_the_loop() -> None:
        step(torch.sigmoid(teacher.logits(clips, waves)))

    return {"stored": from_store, "loop": in_the_loop}


def measure(quick: bool) -> dict[str, float]:
    """Time both sides; return clips per second of each and how much more the stored logits give."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as every job does
    metrics: dict[str, float] = {}
    print(f"{'setting':10} {'soft targets':14} {'clips/s':>9} {'spread':>8}")
    for setting in SETTINGS:
        with tempfile.TemporaryDirectory() as folder:
            sides = _sides(setting, Path(folder))
            taken: dict[str, list[float]] = {side: [] for side in sides}
            for turn in range(1 + (3 if quick else 9)):
                for side, run in sides.items():
                    started = time.process_time()
                    run()
                    if turn:  # the first is a warm-up
                        taken[side].append(time.process_time() - started)
        medians = {side: statistics.median(times) for side, times in taken.items()}
        for side, median in medians.items():
            speed = setting.batch / median
            spread = (max(taken[side]) - min(taken[side])) / median
            print(f"{setting.name:10} {side:14} {speed:9.2f} {spread:8.0%}")
            metrics[f"distil_{setting.name}_{side}_clips_per_s"] = round(speed, 2)
        metrics[f"distil_{setting.name}_ratio"] = round(medians["loop"] / medians["stored"], 3)
    return metrics


if __name__ == "__main__":
    print(measure(quick=True))
