"""The training of a student: one stage of the engine, over the clips of a task.

Which clips a step sees and what is done to them is a function of the seed; the rest is `training.engine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from transformers import ASTForAudioClassification

from earmark.core.errors import UserError
from earmark.merging.schedule import Schedule
from earmark.systems.tagging import validation
from earmark.systems.tagging.dataset import Batch
from earmark.systems.tagging.loader import Examples, batches
from earmark.systems.tagging.loss import clip_losses
from earmark.systems.tagging.sampling import Order, Share, balanced_weights
from earmark.systems.tagging.settings import Training
from earmark.training import engine
from earmark.training.averaging import Average, Best
from earmark.training.stage import Loss, Stage, Steps
from earmark.training.state import StageRecord

_CURE = "lower learning_rate, raise warmup_steps or set clip_norm"


@dataclass(frozen=True)
class Plan:
    """What a training does apart from its data.

    ``training``: with its warm-up fitted to the steps. ``weight`` is lambda, that of the labels;
    ``merging`` the tokens merged while training.
    """

    training: Training
    kind: str
    seed: int
    weight: float = 1.0
    merging: Schedule | None = None
    proportional: bool = True


class Trainer:
    """One training, from its first step or from where it was interrupted."""

    def __init__(
        self,
        model: ASTForAudioClassification,
        train: Examples,
        valid: Examples,
        plan: Plan,
        accelerator: Accelerator,
        *,
        work: Path,
        fingerprint: str,
        events: Path,
    ) -> None:
        """Order the clips and set up the one stage of the training."""
        self.train, self.valid, self.plan, self.accelerator = train, valid, plan, accelerator
        self.model, self._places = model, (work, fingerprint, events)
        settings = plan.training
        weights = balanced_weights(train.label_table()) if settings.sampling == "balanced" else None
        self.order = Order(len(train), settings.batch_size, plan.seed, weights)
        self.record = StageRecord("train")

    def run(self) -> StageRecord:
        """Take the steps that are left and leave the chosen or averaged weights in the model.

        Raises:
            UserError: the loss is not finite.

        """
        work, fingerprint, events = self._places
        with self._merging():
            [self.record] = engine.train(
                [self._stage()],
                self.model,
                self.accelerator,
                seed=self.plan.seed,
                work=work,
                fingerprint=fingerprint,
                save_every=self.plan.training.save_every,
                events=events,
            )
        return self.record

    def final(self) -> dict[str, float]:
        """Return the validation of the weights the training ended with."""
        with self._merging():
            return self._validate()

    def _stage(self) -> Stage:
        settings, epoch = self.plan.training, self.order.steps_per_epoch
        average, metric = settings.averaging, validation.metric(self.plan.kind)
        optimiser = torch.optim.Adam(
            self.model.parameters(),
            lr=settings.learning_rate,
            betas=(settings.betas[0], settings.betas[1]),
            weight_decay=settings.weight_decay,
        )
        return Stage(
            "train",
            epoch * settings.epochs,
            optimiser,
            self._loss,
            batches=self._batches,
            schedule=lambda step: settings.share(step, step // epoch + 1),
            clip_norm=settings.clip_norm,
            epoch=epoch,
            validate=self._validate,
            choice=Average(average.first, average.last) if average else Best(metric),
            cure=_CURE,
        )

    def _batches(self, steps: Steps) -> Iterator[tuple[Batch, bool]]:
        """Yield this process's clips of each step, and whether they are its own (see `sampling.Share`)."""
        share = Share(self.order, steps.first, steps.last, steps.process, steps.processes)
        pinned = self.accelerator.device.type == "cuda"
        loaded = batches(self.train, share, self.plan.training.workers, pinned=pinned)
        for step, batch in zip(range(steps.first, steps.last), loaded, strict=True):
            yield batch, steps.process < self.order.batch_clips(step)

    def _loss(self, part: tuple[Batch, bool]) -> Loss:
        batch, own = part
        losses = clip_losses(
            self.model(batch.features).logits,
            batch.target,
            batch.soft,
            batch.has_soft,
            weight=self.plan.weight,
            kind=self.plan.training.loss,
        )
        alone = (~batch.has_soft & (self.plan.weight < 1)).sum()
        return Loss(
            losses.sum() * float(own),
            len(losses) * own,
            counts={"mixed": batch.mixed.sum() * own, "without_teacher": alone * own},
        )

    def _validate(self) -> dict[str, float]:
        settings = self.plan.training
        logits = validation.predict(
            self.model,
            self.valid,
            self.accelerator,
            batch_size=2 * settings.batch_size,
            workers=settings.workers,
        )
        if not np.isfinite(logits).all():
            raise UserError(f"train: the model's outputs are no longer finite numbers; {_CURE}")
        return validation.score(logits, self.valid.label_table().toarray(), self.plan.kind)

    def _merging(self) -> AbstractContextManager[object]:
        merging = self.plan.merging
        if merging is None or not any(merging.per_layer(self.model.config.num_hidden_layers)):
            return nullcontext()
        from earmark.merging.hooks import Merging

        return Merging(self.model, merging, proportional=self.plan.proportional)
