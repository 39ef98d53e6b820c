"""How a student is trained: the keys of ``training``, with AST's values where config is silent.

The values are those of AST's recipe for the balanced AudioSet (specification 2.4). Imported when the
workflow is parsed, so it stays light.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from earmark.config.section import Section
from earmark.core.errors import UserError
from earmark.systems.tagging.training_keys import Averaging, Decay
from earmark.training.schedule import constant

MULTI_LABEL, SINGLE_LABEL = "multi_label", "single_label"
BCE, CE = "bce", "ce"
_WARMUP_STEPS = 1000
_TIME_MASK, _TIME_MASK_SHARE = 192, 3 / 8


class Training(Section):
    """The training of a student, complete.

    ``warmup_steps`` and ``time_mask`` that config leaves out are AST's 1000 steps and 192 frames, or what a
    short training (half its steps) or a short clip (3/8 of its frames) has room for.
    """

    epochs: int = 25
    batch_size: int = 12
    learning_rate: float = 5e-5
    weight_decay: float = 5e-7
    betas: list[float] = [0.95, 0.999]
    warmup_steps: int | None = None
    decay: Decay = Decay(first_epoch=10, every=5, factor=0.5)
    averaging: Averaging | None = None
    loss: str = BCE
    sampling: str = "all"
    mixup: float = 0.5
    mixup_beta: float = 10.0
    freq_mask: int = 48
    time_mask: int | None = None
    noise: bool = False
    clip_norm: float | None = None
    precision: str = "no"
    save_every: int = 500
    workers: int = 0

    @model_validator(mode="after")
    def _averages_its_epochs(self) -> Self:
        average = self.averaging
        if average is not None and average.first > average.last:
            raise ValueError(f"averaging: first {average.first} comes after last {average.last}; swap them")
        if average is not None and average.last > self.epochs:
            raise ValueError(
                f"averaging.last {average.last} lies beyond the {self.epochs} epochs; "
                f"raise epochs or lower averaging.last"
            )
        return self

    def within(self, threads: int) -> Training:
        """Return it with no more loading processes than ``threads`` hold beside the one that computes."""
        return self.model_copy(update={"workers": max(0, min(self.workers, threads - 1))})

    def fitted(self, kind: str, frames: int, where: str) -> Training:
        """Return the settings for a task of a kind whose clips have ``frames`` frames.

        Raises:
            UserError: the loss is none for that kind of task, or the time mask may hide the whole clip.

        """
        if self.loss == CE and kind != SINGLE_LABEL:
            raise UserError(
                f"{where}: loss ce needs exactly one class per clip, and the task is {kind}; use loss bce"
            )
        if self.time_mask is None:
            return self.model_copy(update={"time_mask": min(_TIME_MASK, int(frames * _TIME_MASK_SHARE))})
        if self.time_mask >= frames:
            raise UserError(
                f"{where}: time_mask {self.time_mask} may hide all {frames} frames of a clip; lower time_mask"
            )
        return self

    def warmed(self, steps: int, where: str) -> Training:
        """Return the settings for a training of ``steps`` steps; UserError if the warm-up is half of it."""
        if self.warmup_steps is None:
            return self.model_copy(update={"warmup_steps": min(_WARMUP_STEPS, steps // 2)})
        if self.warmup_steps > steps // 2:
            raise UserError(
                f"{where}: warmup_steps {self.warmup_steps} is more than half of all {steps} steps; "
                f"lower it to {steps // 2}"
            )
        return self

    def share(self, step: int, epoch: int) -> float:
        """Return the share of the learning rate at a step: linear warm-up, times the decay per epoch.

        Args:
            step: counted from 0 over the whole training.
            epoch: of that step, counted from 1.

        """
        warm = constant(self.warmup_steps or 0)(step)
        passed = max(0, -(-(epoch - self.decay.first_epoch) // self.decay.every))
        return warm * self.decay.factor**passed
