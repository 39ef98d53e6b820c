"""Affinity Pooling: read the audio from left to right and merge what resembles its predecessors.

    open group g = [x_1]; for i = 2..n:
        affinity = largest cosine of x_i with the last `lookback` members of g
        if affinity > threshold: x_i joins g, else g becomes its mean and x_i opens the next group

arXiv 2604.06871 (Findings of ACL 2026), known to us from a digest; no public code. That the largest
cosine counts is our reading. The paper has thresholds and no budget: 0.8 at the input and, as dual
affinity pooling, 0.7 with a lookback of 3 at a deep layer (Qwen2-Audio: 29 of 32), conservative 0.9
and 0.8. With `threshold` the ratio asked for counts for nothing but 1.0, and the record says what was
left. Without one, our rule keeps exactly the budget: the k - 1 weakest links between neighbours are
cuts; with a longer lookback the highest threshold that leaves too few groups, whose weakest links are
cut then. Cost: `lookback` times n products of the hidden width and a scan on the host.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import check_cosine, neighbour_cosines, runs, strongest_links
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class Affinity(ByRow):
    """Options: threshold and lookback where it begins, and those of a second, deep layer."""

    threshold: float | None = None
    lookback: int = 1
    deep_layer: int | None = None
    deep_threshold: float | None = None
    deep_lookback: int = 3

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse an empty lookback, a threshold for one of two stages, and what no cosine can be."""
        if min(self.lookback, self.deep_lookback) < 1:
            raise UserError("affinity: set lookback and deep_lookback to 1 or more")
        if self.deep_layer is not None and (self.threshold is None) != (self.deep_threshold is None):
            raise UserError("affinity: with deep_layer give both threshold and deep_threshold, or neither")
        check_cosine("affinity: threshold", self.threshold)
        check_cosine("affinity: deep_threshold", self.deep_threshold)

    @property
    def exact(self) -> bool:
        """A threshold leaves what it leaves."""
        return self.threshold is None

    def stages(self, layer: int, depth: int) -> tuple[int, ...]:
        """The second one is left out where the decoder has no such layer."""
        deep = self.deep_layer
        return (layer,) if deep is None or not layer < deep < depth else (layer, deep)

    def left(self, stage: int, length: int, budget: int, stages: int) -> int:
        """Without thresholds both stages leave the same share."""
        return round(length * (budget / length) ** ((stage + 1) / stages))

    def row(self, row: Row) -> Tensor | Slots:
        """Pool by the threshold or to the budget."""
        deep = row.known.stage > 0
        lookback = self.deep_lookback if deep else self.lookback
        threshold = self.deep_threshold if deep else self.threshold
        if threshold is None:
            return Slots.means(to_budget(row.states, row.budget, lookback))
        return Slots.means(scanned(diagonals(row.states, lookback), threshold).to(row.states.device))


def diagonals(states: Tensor, lookback: int) -> Tensor:
    """Return the cosines of each token with those before it, [n, lookback] on the host, nearest first."""
    table = torch.full((len(states), lookback), -torch.inf)
    for back in range(1, min(lookback, len(states) - 1) + 1):
        table[back:, back - 1] = neighbour_cosines(states, back).float().cpu()
    return table


def scanned(table: Tensor, threshold: float) -> Tensor:
    """Return the number of each token's group, [n]; joining needs more than the threshold."""
    groups, size = [0], 1
    for likeness in table[1:].tolist():
        joins = max(likeness[:size]) > threshold
        size = size + 1 if joins else 1
        groups.append(groups[-1] + (not joins))
    return torch.tensor(groups)


def to_budget(states: Tensor, budget: int, lookback: int) -> Tensor:
    """Return groups, exactly ``budget`` of them."""
    neighbours = neighbour_cosines(states)
    if lookback == 1:
        return runs(strongest_links(neighbours, len(states) - budget))
    table = diagonals(states, lookback)
    levels = table.flatten().sort().values.tolist()
    low, high = 0, len(levels)
    while high - low > 1:
        middle = (low + high) // 2
        enough = int(scanned(table, levels[middle])[-1]) + 1 <= budget
        low, high = (middle, high) if enough else (low, middle)
    groups = scanned(table, levels[low]).to(states.device)
    linked = groups[1:] == groups[:-1]
    missing = budget - int(groups[-1]) - 1
    weakest = (-neighbours).masked_fill(~linked, -torch.inf)
    cut = strongest_links(weakest, max(0, missing))
    return runs(linked & ~cut)
