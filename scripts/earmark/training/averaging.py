"""Which weights a stage ends with: the last, those of its best epoch, or the mean over some epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.swa_utils import get_swa_multi_avg_fn

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Last:
    """The weights after the last step."""

    def keeps(self, epochs: list[dict[str, float]]) -> bool:
        """Whether the weights of the epoch that just ended are needed."""
        return False


@dataclass(frozen=True)
class Best:
    """The weights of the epoch whose validation has the best ``metric``, the first one among equals."""

    metric: str
    higher: bool = True

    def keeps(self, epochs: list[dict[str, float]]) -> bool:
        """Whether the weights of the epoch that just ended are needed."""
        values = [entry[self.metric] * (1 if self.higher else -1) for entry in epochs]
        return len(values) == 1 or values[-1] > max(values[:-1])


@dataclass(frozen=True)
class Average:
    """The mean of the weights after epochs ``first`` to ``last``, counted from 1 and both included."""

    first: int
    last: int

    def keeps(self, epochs: list[dict[str, float]]) -> bool:
        """Whether the weights of the epoch that just ended are needed."""
        return self.first <= len(epochs) <= self.last


Choice = Last | Best | Average


def updated(choice: Choice, kept: Weights | None, count: int, weights: Mapping[str, Tensor]) -> Weights:
    """Return what is kept once the weights of another epoch have come in.

    Args:
        choice: that keeps them.
        kept: from the ``count`` epochs before; changed in place for a mean.
        count: of epochs that are in ``kept``.
        weights: as they are now. They are copied to the CPU; a mean is one of floats, in float32.

    """
    mean = isinstance(choice, Average)
    now = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
    if mean:
        now = {name: value.float() if value.is_floating_point() else value for name, value in now.items()}
    if not mean or kept is None:
        return now
    floats = [name for name, value in now.items() if value.is_floating_point()]
    average = get_swa_multi_avg_fn()
    average([kept[name] for name in floats], [now[name] for name in floats], torch.tensor(count))
    return {name: kept[name] if name in floats else value for name, value in now.items()}
