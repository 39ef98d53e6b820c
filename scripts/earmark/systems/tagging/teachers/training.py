"""Training a small teacher on the task it is to teach: log-mel of every clip once, then steps over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from earmark.core.errors import UserError
from earmark.core.files import Json, replacing, sha256
from earmark.core.progress import tqdm
from earmark.core.records import Clip, iter_manifest
from earmark.data import shards
from earmark.systems.tagging.teachers.contract import Making, fitted
from earmark.systems.tagging.teachers.mel import LogMel
from earmark.systems.tagging.teachers.mobilenet_options import Train
from earmark.systems.tagging.teachers.request import too_low
from earmark.training import engine
from earmark.training.schedule import linear
from earmark.training.stage import Draw, Loss, Stage

MIXUP_BETA = 0.3
MASK = 0.0
"""What a masked stretch of the scaled log-mel is set to: about its mean."""


def train(making: Making, chosen: Train, hears: Hears, model: nn.Module, mel: LogMel, path: Path) -> Json:
    """Train a network on the task's training clips; write its weights; return the record.

    Every step's randomness is a function of (seed, step), and an interrupted training goes on from
    ``making.work``: same weights as one that was left alone. Batch statistics are taken anew over all
    clips at the end, since a short training leaves their running means behind.

    Raises:
        UserError: there are no clips, or the shards have a lower sample rate than the teacher hears.

    """
    seed, clips = making.asked.seed, usable(making, hears)
    making.work.mkdir(parents=True, exist_ok=True)
    mels = _spectrograms(making, clips, mel, hears)
    labels = torch.from_numpy(np.stack([making.classes.multi_hot(clip.labels) for clip in clips]))
    recipe = Recipe(model, mels, labels, making.classes.kind, chosen)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=chosen.learning_rate, betas=(0.9, 0.98), weight_decay=0.02
    )
    schedule = linear(chosen.steps)
    stage = Stage("teacher", chosen.steps, optimiser, recipe.loss, schedule=schedule)
    identity = [making.asked.plain(), making.classes.digest, [sha256(index) for index in making.indexes]]
    records = engine.train(
        [stage],
        model,
        Accelerator(cpu=True),
        seed=seed,
        work=making.work,
        save_every=chosen.save_every,
        fingerprint=hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
    )
    update_bn(recipe.batches(), model)
    model.eval()
    with replacing(path) as partial:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, partial)
    (making.work / "mels.npy").unlink()
    stages = [asdict(record) for record in records]
    return {"clips": len(clips), "settings": chosen.plain(), "seed": seed, "stages": stages}


@dataclass(frozen=True)
class Hears:
    """What audio a teacher hears: Hz, seconds, and whether a lower rate is raised to its own."""

    rate: int
    seconds: float
    upsample: bool

    @property
    def samples(self) -> int:
        """The samples of a clip."""
        return round(self.seconds * self.rate)


def usable(making: Making, hears: Hears) -> list[Clip]:
    """Return the training clips; raises UserError if there are none or their rate is too low."""
    clips = [clip for index in making.indexes for clip in iter_manifest(index) if clip.ok]
    if not clips:
        raise UserError(f"{making.where}: the task has no usable training clips")
    lowest = min(clip.sample_rate for clip in clips)
    if lowest < hears.rate and not hears.upsample:
        raise UserError(f"{making.where}: {too_low(lowest, hears.rate, making.asked.name)}")
    return clips


def _spectrograms(making: Making, clips: list[Clip], mel: LogMel, hears: Hears) -> NDArray[np.float16]:
    """Return log-mels [clips, mels, frames], in a file that is mapped, not held in memory."""
    shape = mel(torch.zeros(1, hears.samples)).shape[2:]
    path = making.work / "mels.npy"
    made = np.lib.format.open_memmap(path, "w+", np.float16, (len(clips), *shape))
    waves = ((key, wave) for tar in making.tars for key, wave in shards.stream(tar, hears.rate))
    bar = tqdm(waves, total=len(clips), desc="log-mel", unit="clip")
    count = 0
    for clip, (key, wave) in zip(clips, bar):
        if key != clip.key:
            raise UserError(f"the training shards disagree with their indexes at '{key}'; delete both")
        made[count] = mel(fitted([wave], hears.samples))[0, 0].numpy()
        count += 1
    if count < len(clips):
        raise UserError(
            f"the training shards hold {count} of {len(clips)} clips of their indexes; delete both"
        )
    return made


class Recipe:
    """Batches of spectrograms, mixed, shifted and masked, against labels."""

    def __init__(
        self,
        model: nn.Module,
        mels: NDArray[np.float16],
        labels: Tensor,
        kind: str,
        settings: Train,
    ) -> None:
        self._model, self._mels, self._labels, self._settings = model, mels, labels, settings
        self._single = kind == "single_label"

    def loss(self, draw: Draw) -> Loss:
        """Return the mean loss, and the share of clips whose likeliest class is one of theirs."""
        rng = draw.rng
        torch.manual_seed(int(rng.integers(2**31)))  # of dropout
        batch = self._settings.batch
        chosen, other = (rng.integers(len(self._mels), size=batch) for _ in range(2))
        mixed = rng.random(batch) < self._settings.mixup
        part = rng.beta(MIXUP_BETA, MIXUP_BETA, size=batch)
        share = torch.from_numpy(np.where(mixed, np.maximum(part, 1 - part), 1.0)).float()
        mel = share[:, None, None] * self._taken(chosen) + (1 - share)[:, None, None] * self._taken(other)
        labels = share[:, None] * self._labels[chosen] + (1 - share)[:, None] * self._labels[other]
        for row in mel:
            self._disturb(row, rng)
        logits: Tensor = self._model(mel[:, None])
        loss = (F.cross_entropy if self._single else F.binary_cross_entropy_with_logits)(logits, labels)
        right = labels[torch.arange(batch), logits.argmax(dim=1)] > 0
        return Loss(loss, means={"accuracy": float(right.float().mean())})

    def batches(self) -> Iterator[Tensor]:
        """Yield all clips as they are, in order."""
        size = self._settings.batch
        for first in range(0, len(self._mels), size):
            yield self._taken(np.arange(first, min(first + size, len(self._mels))))[:, None]

    def _taken(self, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self._mels[rows].astype(np.float32))

    def _disturb(self, mel: Tensor, rng: np.random.Generator) -> None:
        """Shift a spectrogram [mels, frames] in time and mask a band and a stretch of it, in place."""
        mel.copy_(mel.roll(int(rng.integers(-10, 11)), dims=1))
        for axis, most in ((0, self._settings.freq_mask), (1, self._settings.time_mask)):
            width = int(rng.integers(min(most, mel.shape[axis]) + 1))
            start = int(rng.integers(mel.shape[axis] - width + 1))
            mel.narrow(axis, start, width).fill_(MASK)
