"""What a training on mixtures is told: the keys of config's trainings, as the jobs get them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """See :class:`.config.Training` for what each of them means, its unit and its limits.

    It is not that model itself, so that a word changed there makes no training stale.
    """

    steps: int
    batch_size: int
    seconds: float
    learning_rate: float
    warmup_steps: int
    decay: str
    clip_norm: float | None
    loss: str
    precision: str
    sounds: int
    low_db: int
    high_db: int
    speed: float
    same_domain_share: float
    validation_share: float
    validation_mixtures: int
    validate_every: int
    patience: int | None
    max_failed_share: float
    save_every: int
