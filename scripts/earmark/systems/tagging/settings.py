"""How a student is trained: the keys of ``training``, with AST's values where config is silent.

The values are those of AST's recipe for the balanced AudioSet (specification 2.4). Imported when the
workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from earmark.core.errors import UserError, nearest
from earmark.training.schedule import constant

MULTI_LABEL, SINGLE_LABEL = "multi_label", "single_label"
BCE, CE = "bce", "ce"
_WARMUP_STEPS = 1000
_TIME_MASK, _TIME_MASK_SHARE = 192, 3 / 8


@dataclass(frozen=True)
class Decay:
    """The rate is multiplied by ``factor`` after epoch ``first_epoch`` and every ``every`` epochs on."""

    first_epoch: int = 10
    every: int = 5
    factor: float = 0.5


@dataclass(frozen=True)
class Averaging:
    """The epochs, counted from 1 and both included, whose weights are averaged."""

    first: int
    last: int


@dataclass(frozen=True)
class Training:
    """The keys of training.schema.json.

    ``warmup_steps`` and ``time_mask`` that config leaves out are AST's 1000 steps and 192 frames, or what a
    short training (half its steps) or a short clip (3/8 of its frames) has room for.
    """

    epochs: int = 25
    batch_size: int = 12
    learning_rate: float = 5e-5
    weight_decay: float = 5e-7
    betas: tuple[float, float] = (0.95, 0.999)
    warmup_steps: int | None = None
    decay: Decay = Decay()
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

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str) -> Training:
        """Read a config section; ``where`` says whose it is.

        Raises:
            UserError: a key is unknown, or values contradict each other.

        """
        known = {entry.name for entry in fields(cls)}
        for key in values:
            if key not in known:
                raise UserError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
        read: dict[str, Any] = dict(values)
        if "betas" in read:
            read["betas"] = tuple(read["betas"])
        if "decay" in read:
            read["decay"] = Decay(**read["decay"])
        if read.get("averaging") is not None:
            read["averaging"] = Averaging(**read["averaging"])
        training = cls(**read)
        training._check(where)
        return training

    def within(self, threads: int) -> Training:
        """Return it with no more loading processes than ``threads`` hold beside the one that computes."""
        return replace(self, workers=max(0, min(self.workers, threads - 1)))

    def _check(self, where: str) -> None:
        average = self.averaging
        if average is None:
            return
        if average.first > average.last:
            raise UserError(
                f"{where}: averaging: first {average.first} comes after last {average.last}; swap them"
            )
        if average.last > self.epochs:
            raise UserError(
                f"{where}: averaging.last {average.last} lies beyond the {self.epochs} epochs; "
                f"raise epochs or lower averaging.last"
            )

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
            return replace(self, time_mask=min(_TIME_MASK, int(frames * _TIME_MASK_SHARE)))
        if self.time_mask >= frames:
            raise UserError(
                f"{where}: time_mask {self.time_mask} may hide all {frames} frames of a clip; lower time_mask"
            )
        return self

    def warmed(self, steps: int, where: str) -> Training:
        """Return the settings for a training of ``steps`` steps; UserError if the warm-up is half of it."""
        if self.warmup_steps is None:
            return replace(self, warmup_steps=min(_WARMUP_STEPS, steps // 2))
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

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as they are recorded, and as :meth:`from_mapping` reads them."""
        return {key: list(value) if key == "betas" else value for key, value in asdict(self).items()}
