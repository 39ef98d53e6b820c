"""Which clips a step sees: a function of seed and epoch alone, whatever was interrupted in between.

A clip's *draw* is its place in the whole training's order. It seeds all that is random about the clip
(augmentation, the partner it is mixed with), so neither the number of loading processes nor a resume changes
anything. Batches are those of all training processes together; each process takes every n-th clip.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earmark.core.errors import UserError
from earmark.core.seeding import generator

Pair = tuple[int, int]
"""The index of a clip and its draw."""


def balanced_weights(labels: csr_array) -> NDArray[np.float64]:
    """Return AST's sampling weights, shape [clips]: the sum over a clip's classes of 1000 / (count + 0.01).

    Args:
        labels: multi-hot, [clips, classes]. A clip without labels has weight 0.

    Raises:
        UserError: no clip has a label.

    """
    weights = np.asarray(labels @ (1000.0 / (labels.sum(axis=0, dtype=np.float64) + 0.01)), np.float64)
    if not weights.any():
        raise UserError("training.sampling: balanced needs labels, and no training clip has one; use all")
    return weights


@dataclass(frozen=True)
class Order:
    """The order of a training: ``clips`` draws an epoch, without replacement unless there are weights."""

    clips: int
    batch_size: int
    seed: int
    weights: NDArray[np.float64] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return math.ceil(self.clips / self.batch_size)

    def epoch(self, epoch: int) -> list[Pair]:
        """Return the pairs of an epoch, counted from 1."""
        rng = generator(self.seed, "order", str(epoch))
        if self.weights is None:
            chosen = rng.permutation(self.clips)
        else:
            chosen = rng.choice(self.clips, self.clips, p=self.weights / self.weights.sum())
        first = (epoch - 1) * self.clips
        return [(int(index), first + place) for place, index in enumerate(chosen)]

    def batch_clips(self, step: int) -> int:
        """Return the clips of a step over all processes."""
        return min(self.batch_size, self.clips - step % self.steps_per_epoch * self.batch_size)

    def batches(self, first: int, last: int) -> Iterator[list[Pair]]:
        """Yield the batches of steps ``first`` to ``last`` (exclusive), counted from 0 over all epochs."""
        pairs: list[Pair] = []
        for step in range(first, last):
            place = step % self.steps_per_epoch
            if place == 0 or not pairs:
                pairs = self.epoch(step // self.steps_per_epoch + 1)
            yield pairs[place * self.batch_size : (place + 1) * self.batch_size]


@dataclass(frozen=True)
class Share:
    """The batches one of ``processes`` loads, as a DataLoader's batch sampler.

    Where a batch has fewer clips than there are processes, one without a clip loads the first; its loss
    counts nothing.
    """

    order: Order
    first: int
    last: int
    process: int = 0
    processes: int = 1

    def __iter__(self) -> Iterator[list[Pair]]:
        for batch in self.order.batches(self.first, self.last):
            yield batch[self.process :: self.processes] or batch[:1]

    def __len__(self) -> int:
        return self.last - self.first
