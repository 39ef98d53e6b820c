"""What a recipe tells the engine: its stages, where their batches come from, and what the loss of one is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from earmark.core.files import Json
from earmark.training.averaging import Choice, Last
from earmark.training.schedule import Schedule, constant


@dataclass(frozen=True)
class Loss:
    """The loss of this process's share of a batch: the sum over its items, and how many they are.

    A recipe for one process may as well give a mean, as one item. A process whose share is empty goes along
    with a stand-in: it gives 0 times that one's loss, as no item. ``means`` are sums over the items too,
    shown and recorded as means beside the loss; ``counts`` are added up over all steps.
    """

    total: Tensor
    items: int | float = 1
    means: Mapping[str, Tensor | float] = field(default_factory=dict)
    counts: Mapping[str, Tensor | float] = field(default_factory=dict)


class Draw(NamedTuple):
    """The batch of a stage that brings none: what its loss draws one from, the same in every process."""

    step: int
    rng: np.random.Generator


class Steps(NamedTuple):
    """The steps whose batches are asked for, ``first`` to ``last`` (exclusive), and the process that asks."""

    first: int
    last: int
    process: int = 0
    processes: int = 1


@dataclass(frozen=True)
class Stage:
    """One phase of a recipe.

    ``optimiser`` holds the parameters to train, each group with its peak rate, and ``schedule`` the share of
    it at a step. ``loss`` takes a batch: one of ``batches``, this process's shares in the order of the steps,
    or a `Draw`. After every ``epoch`` steps, and the last, ``validate`` measures (the same values in every
    process), and ``choice`` says which weights the stage ends with. With ``patience``, a stage ends after so
    many epochs in a row of which ``choice`` kept none. ``cure`` is what the user is told to do about a loss
    that is not finite.
    """

    name: str
    steps: int
    optimiser: torch.optim.Optimizer
    loss: Callable[[Any], Loss]
    batches: Callable[[Steps], Iterator[Any]] | None = None
    schedule: Schedule = constant()
    clip_norm: float | None = 1.0
    epoch: int | None = None
    validate: Callable[[], dict[str, float]] | None = None
    choice: Choice = Last()
    patience: int | None = None
    cure: str = "lower the learning rate, lengthen the warm-up or clip the gradients"

    def ended(self, epochs: list[Json]) -> bool:
        """Whether patience has run out after these epochs."""
        if self.patience is None:
            return False
        kept = [number for number in range(1, len(epochs) + 1) if self.choice.keeps(epochs[:number])]
        return len(epochs) - max(kept, default=0) >= self.patience

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters it trains."""
        return [weight for group in self.optimiser.param_groups for weight in group["params"]]
