"""What config may say of a student's training; AST's values where it is silent (``settings.py``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.section import Partial, Section, left_out


class Decay(Section):
    """The rate is multiplied by factor after every so many epochs from the first on."""

    first_epoch: int = Field(ge=1)
    """after which the rate falls for the first time"""

    every: int = Field(ge=1)
    """epochs between two falls"""

    factor: float = Field(gt=0, le=1)
    """what the rate is multiplied by"""


class Averaging(Section):
    """Epochs whose weights are averaged, both included."""

    first: int = Field(ge=1)
    """the first epoch, counted from 1"""

    last: int = Field(ge=1)
    """the last epoch"""


class TrainingKeys(Partial):
    """The training of a student; a task's tagging.training is laid under its recipe's training."""

    epochs: int = left_out(ge=1)
    """how often every clip is heard"""

    batch_size: int = left_out(ge=1)
    """clips per step over all processes"""

    learning_rate: float = left_out(gt=0)
    """of Adam, after the warm-up"""

    weight_decay: float = left_out(ge=0)
    """of Adam"""

    betas: list[Annotated[float, Field(ge=0, lt=1)]] = left_out(min_length=2, max_length=2)
    """of Adam"""

    warmup_steps: int = left_out(ge=0)
    """steps of linear warm-up; at most the first half of the training"""

    decay: Decay = left_out()
    """the rate is multiplied by factor after every so many epochs from the first on"""

    averaging: Averaging | None = None
    """epochs whose weights are averaged, both included; null: the best epoch's weights by validation"""

    loss: Literal["bce", "ce"] = left_out()
    """bce: each class by itself; ce: one class is right"""

    sampling: Literal["all", "balanced"] = left_out()
    """all: every clip once an epoch; balanced: drawn with replacement, rare classes more often"""

    mixup: float = left_out(ge=0, le=1)
    """share of the clips that are mixed with another's waveform"""

    mixup_beta: float = left_out(gt=0)
    """both parameters of the Beta distribution of the mixing factor"""

    freq_mask: int = left_out(ge=0, le=127)
    """SpecAugment: mel bins masked at most"""

    time_mask: int = left_out(ge=0)
    """SpecAugment: frames masked at most"""

    noise: bool = left_out()
    """uniform noise and a shift in time by up to ten frames"""

    clip_norm: float | None = Field(default=None, gt=0)
    """largest norm of the gradient; null: as it is"""

    precision: Literal["no", "fp16", "bf16"] = left_out()
    """mixed precision"""

    save_every: int = left_out(ge=1)
    """steps between two saves of the state an interrupted training goes on from"""

    workers: int = left_out(ge=0)
    """processes that load clips, each on a core of its own (fewer where the job has fewer); the result
    doesn't depend on it"""
