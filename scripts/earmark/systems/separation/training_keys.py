"""The keys of a training on mixtures, of a separator's and of adapters'."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from earmark.config.links import link
from earmark.config.section import Section
from earmark.config.values import Count, Positive, Share, TaskName


class Training(Section):
    """A training on mixtures: of a network from its start, or of a domain's adapter."""

    steps: Count = 1000
    """steps of the optimiser, at most"""

    batch_size: Count = 8
    """mixtures in a step"""

    seconds: Positive = 2
    """length of a mixture"""

    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    """peak rate"""

    warmup_steps: int = Field(default=20, ge=0)
    """steps until the peak rate is reached"""

    decay: Literal["none", "linear"] = "none"
    """of the rate after the warm-up"""

    clip_norm: Positive | None = 1
    """largest norm of a step's gradient; null: none"""

    loss: Literal["l1", "sdr", "both"] = "l1"
    """l1: mean absolute difference of waveforms, as published; sdr: the ratio that is scored, in dB; both:
    the mean of it and its scale-invariant kind"""

    precision: Literal["no", "bf16", "fp16"] = "no"
    """of the training's operations; bf16 is fast on CPUs that have it (AMX, AVX-512 BF16), slow on others"""

    sounds: Annotated[int, Field(ge=2)] = 2
    """most sounds in a mixture, the target among them"""

    low_db: int = -10
    """least level of an interferer over its target, whole dB"""

    high_db: int = 10
    """greatest level"""

    speed: float = Field(default=1, ge=1, le=2)
    """each sound is played up to so many times faster or slower, drawn anew each time; 1: as it is"""

    same_domain_share: Share = 0.2
    """of adapters: share of interferers from the domain itself, of another class; the public code takes none,
    so a dog is never separated from a cat"""

    validation_share: Share = 0.15
    """share of the training recordings that choose the weights and are not trained on"""

    validation_mixtures: Count = 64
    """mixtures of them, at most"""

    validate_every: Count = 100
    """steps"""

    patience: Count | None = None
    """validations without a better one after which a training ends; null: all steps are taken"""

    max_failed_share: Share = 0.01
    """share of the recordings that may turn out unreadable"""

    save_every: Count = 200
    """steps between two saved states"""

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        if self.low_db > self.high_db:
            raise ValueError(f"low_db {self.low_db} is above high_db {self.high_db}")
        return self


class TrainedOn(Training):
    """The training of a network from its start."""

    task: Annotated[TaskName, link("tasks")]
    """file of config/tasks/: its labels are the queries"""
