"""A training as a job: the same recordings, seed and state for a separator and for a domain's adapter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from earmark.core import devices, provenance
from earmark.core.files import Json, exclusive
from earmark.core.seeding import generator
from earmark.systems.separation import asked, stored
from earmark.systems.separation.drawing import split
from earmark.systems.separation.jobs.shared import fingerprint
from earmark.systems.separation.query.table import Table
from earmark.systems.separation.sounds import Sounds
from earmark.systems.separation.training import Material, Trainer, material
from earmark.training import state
from earmark.training.engine import prepare
from earmark.training.state import StageRecord

S = TypeVar("S", bound=asked.Training, covariant=True)


@dataclass(frozen=True)
class Job(Generic[S]):
    """What a training is given, and where it writes.

    Args:
        settings: what is trained, and how.
        indexes: of the shards to train on.
        texts: table of the labels' vectors.
        output: record to write; the weights go beside it.
        events: folder of the curves.
        work: folder of the state an interrupted training goes on from; emptied at the end.
        code: digest of the code.
        threads: of this process.
        more: further files that it depends on.

    """

    settings: S
    indexes: Sequence[Path]
    texts: Path
    output: Path
    events: Path
    work: Path
    code: str
    threads: int
    more: Sequence[Path] = field(default=())

    @property
    def fingerprint(self) -> str:
        """Everything that the result depends on, as one string."""
        return fingerprint(self.settings, [*self.more, *self.indexes, self.texts], self.code)


class Training:
    """A job's recordings, texts and seed; a network is made after this, from the seed."""

    def __init__(self, job: Job[asked.Training], accelerator: Accelerator) -> None:
        self.job, self.accelerator = job, accelerator
        self.recipe = recipe = job.settings.training
        # One seed for a separator and its adapters: they hold the same recordings out, so those that choose
        # an adapter were heard by no training.
        self.seed = int(generator(job.settings.seed, "separator").integers(2**31))
        heard = Sounds.read(job.indexes, recipe.max_failed_share)
        self.train, self.valid = split(heard, recipe.validation_share, self.seed)
        self.table = Table.read(job.texts)
        torch.manual_seed(self.seed)

    def material(self, scale: float, domain: frozenset[str] | None = None) -> Material:
        """Return what mixtures are drawn from; ``scale`` is of queries, ``domain`` an adapter's labels."""
        return material(self.train, self.valid, self.table, self.recipe, scale, domain)

    def trainer(self, model: nn.Module, found: Material, where: str) -> Trainer:
        """Return the training of those of the model's weights that ask for a gradient and are used.

        ``where`` is the part of config that the training is in, for messages.
        """
        weights = [w for name, w in model.named_parameters() if w.requires_grad and "unused" not in name]
        return Trainer(model, weights, found, self.recipe, self.seed, self.accelerator, where)

    def run(self, trainer: Trainer) -> StageRecord:
        """Take the steps that are left; raises UserError if the loss is not finite."""
        job = self.job
        return trainer.run(work=job.work, fingerprint=job.fingerprint, events=job.events)

    def write(self, tensors: Mapping[str, Tensor], record: StageRecord, described: Json) -> None:
        """Write tensors and their record from the main process, and empty the folder of the state."""
        if not self.accelerator.is_main_process:
            return
        content = {
            **described,
            "training": {
                "steps": record.steps,
                "asked_steps": self.recipe.steps,
                "mixtures": round(record.totals.get("items", 0)),
                "loss": self.recipe.loss,
                "best_epoch": record.best or None,
                "epochs": record.epochs,
                "train_s": round(record.seconds, 3),
                "train_cpu_s": round(record.cpu_seconds, 3),
                "validation_s": round(record.validation_s, 3),
            },
            "device": devices.describe(self.accelerator.device),
            "settings": self.job.settings.plain(),
            "provenance": provenance.record(self.job.code),
        }
        stored.write(tensors, content, self.job.output)
        state.clear(self.job.work)

    @property
    def failed(self) -> dict[str, str]:
        """Recordings that could not be decoded, with the reason."""
        return self.train.failed | self.valid.failed


@contextmanager
def training(job: Job[asked.Training]) -> Iterator[Training]:
    """Yield a job's training; no other process works on it meanwhile.

    Raises:
        UserError: a file is missing or damaged, or there are too few recordings.

    """
    accelerator = prepare(job.settings.device, job.threads, job.settings.training.precision)
    with exclusive(job.work):
        yield Training(job, accelerator)
    accelerator.end_training()
