"""SEATS: diverse tokens in every window of time at the input, fewer and fewer by attention further in.

    1. before layer K: in windows of `window` tokens, farthest first (as DivPrune) with the distance to
       a candidate times the attention it received in the encoder; 1.4 times the budget stays
    2. before 16/28, 18/28 and 20/28 of the depth: the last token's attention in the layer before, mean
       over heads; a window's share is proportional to softmax(its mean / 0.1); what goes grows as
       1 : e : e^2 down to the budget
    3. `remove`: before 23/28 of the depth all audio goes

arXiv 2605.20035, audio and video; code xxayt/SEATS, MIT, read, not copied. They drop all audio in the
end and count the mean over the layers as the share kept; speech is read late, so `remove` is off here
and the budget is what is left (the record has the mean over the layers too). They also cut the cache
of earlier layers, and read the attention of a layer fed with its own output; both we don't. Cost: the
products within windows, and one row of attention at three layers.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import cosines, farthest, largest, loneliest
from earmark.reduction.rows import ByRow, Row, Slots

STEPS, END, DEPTH = (16, 18, 20), 23, 28
"""Layers of Qwen2.5-Omni-7B before which tokens go, before which the last go, and how many it has."""
FIRST, TEMPERATURE = 1.4, 0.1


@dataclass(frozen=True)
class Seats(ByRow):
    """Options: tokens of a window, 2 s at 25 a second, and whether all audio goes late."""

    window: int = 50
    remove: bool = False

    acts_at: ClassVar[int | None] = 0
    needs_attention: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse empty windows."""
        if self.window < 1:
            raise UserError(f"seats: window={self.window}: set it to 1 or more")

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received."""
        return ("received_mean",)

    def stages(self, layer: int, depth: int) -> tuple[int, ...]:
        """The input and three layers behind the middle, one more where all goes; those there are."""
        later = {depth * step // DEPTH for step in (*STEPS, *([END] if self.remove else []))}
        return (layer, *sorted(each for each in later if layer < each < depth))

    def left(self, stage: int, length: int, budget: int, stages: int) -> int:
        """From 1.4 times the budget down to it."""
        steps = stages - 1 - self.remove
        first = budget if steps < 1 else min(length, round(FIRST * budget))
        if self.remove and stage == stages - 1 and stages > 1:
            return 0
        if stage == 0:
            return first
        gone = sum(math.exp(step) for step in range(stage)) / sum(math.exp(step) for step in range(steps))
        return round(first - gone * (first - budget))

    def row(self, row: Row) -> Tensor | Slots:
        """Windows of the first prompt stay windows: each token counts by its place there."""
        if row.known.stage == 0:
            return self._diverse(row)
        assert row.known.attention is not None
        score = row.known.attention[row.number, row.positions]
        assert row.known.origin is not None
        window = row.known.origin[row.number, : row.length] // self.window
        return by_window(score, window, row.budget)

    def _diverse(self, row: Row) -> Tensor:
        """Share the budget out over the windows by their lengths, and take the farthest in each."""
        received = row.encoder["received_mean"]
        edges = [*range(0, row.length, self.window), row.length]
        budgets = [end * row.budget // row.length for end in edges]
        found = []
        for start, end, before, after in zip(edges, edges[1:], budgets, budgets[1:]):
            if after > before:
                chosen = weighted_farthest(row.states[start:end], received[start:end], after - before)
                found.append(start + chosen)
        return torch.cat(found)


def weighted_farthest(states: Tensor, attention: Tensor, count: int) -> Tensor:
    """Return tokens far from each other, where attention makes a candidate farther: in the order taken."""
    distances = (1 - cosines(states)).clamp(min=0) * attention * 1e6
    return farthest(distances, count, loneliest(distances))


def by_window(score: Tensor, window: Tensor, budget: int) -> Tensor:
    """Return ``budget`` tokens, each window's share proportional to the softmax of its mean score."""
    numbers, index = window.unique(return_inverse=True)
    sizes = index.bincount()
    means = score.new_zeros(len(numbers)).index_add(0, index, score) / sizes
    share = torch.minimum((budget * (means / TEMPERATURE).softmax(0)).floor().long(), sizes)
    order = largest(score, len(score))
    order = order[index[order].argsort(stable=True)]
    rank = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[index[order]]
    first = order[rank < share[index[order]]]
    chosen = torch.zeros_like(score, dtype=torch.bool).scatter(0, first, True)
    rest = largest(score.masked_fill(chosen, -torch.inf), budget - len(first))
    return torch.cat([first, rest])


def schedule(target: float, depth: int = DEPTH) -> list[float]:
    """Return what share of the audio each of the three steps leaves of the one before, as published.

    The mean over all layers of the share kept is ``target``, none behind layer 23 counted as 0.
    """
    spans = [end - start for start, end in zip(STEPS, (*STEPS[1:], END))]
    growth = [sum(math.exp(step) for step in range(number + 1)) for number in range(len(STEPS))]
    first = FIRST * target
    missing = (sum(spans) * first + STEPS[0] * first) - target * depth
    unit = missing / (first * sum(span * grown for span, grown in zip(spans, growth)))
    left = [1 - unit * grown for grown in growth]
    return [now / before for now, before in zip(left, [1.0, *left])]
