"""FastAdaSP in the decoder: merge runs of tokens with like keys, weighted by the attention they get.

    s_i = cos(K_i, K_i+1), K the keys of layer K-1 after RoPE, heads concatenated
    links, runs: the n - k largest s, and chains of them
    w_j = sum over heads and over all queries, text and audio, of the attention to j in layer K-1
    y_run = sum w_j h_j / sum w_j

Lu et al., "FastAdaSP" (arXiv 2410.03007, EMNLP 2024 industry track); code yichen14/FastAdaSP,
Apache-2.0, read, not copied. They merge between the attention and the feed-forward of a layer; here
it is after the feed-forward, before the next layer, one feed-forward later on the same tokens.
`schedule` spreads the merging: in one layer (the paper's choice for sparse tasks), by a constant
share in every layer from there on, or by shares that fall to nothing (for dense tasks). Their code
gives a share to drop in each layer; here it follows from the budget. Early tokens are seen by more
queries, so runs lean towards their first members. `reference` rounds each stage as the code does,
down from the tokens to go. Cost: the attention scores of a layer once more at every stage, in blocks.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.reduction.likeness import neighbour_cosines, runs, strongest_links
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class FastAdaSPLayer(ByRow):
    """Options: how members count, and over how many layers merging is spread."""

    weights: Literal["attention", "mean"] = "attention"
    schedule: Literal["single", "constant", "decay"] = "single"

    called: ClassVar[str] = "fastadasp-layer"
    lowest_layer: ClassVar[int] = 1
    needs_keys: ClassVar[bool] = True
    needs_probe: ClassVar[bool] = True

    def stages(self, layer: int, depth: int) -> tuple[int, ...]:
        """One layer or all from there on; a falling share reaches nothing in the last."""
        if self.schedule == "single":
            return (layer,)
        return tuple(range(layer, max(layer + 1, depth - (self.schedule == "decay"))))

    def left(self, stage: int, length: int, budget: int, stages: int) -> int:
        """Multiply the shares that each stage leaves; together they leave the budget."""
        if self.schedule == "constant":
            return round(length * (budget / length) ** ((stage + 1) / stages))
        low, high = 0.0, 1.0
        for _ in range(50):  # the share dropped first, by halving
            drop = (low + high) / 2
            low, high = (drop, high) if _left(length, drop, stages, stages) > budget else (low, drop)
        return round(_left(length, high, stage + 1, stages))

    def reference_tokens(self, length: int, drop: float) -> int:
        """As the code counts: the tokens to go are rounded down."""
        return length - int(length * drop)

    def row(self, row: Row) -> Tensor | Slots:
        """Link neighbours by their keys; weigh by column sums over the real tokens' rows."""
        keys = row.known.keys
        assert keys is not None
        own = keys[row.number][:, row.positions].transpose(0, 1).flatten(1).float()
        links = strongest_links(neighbour_cosines(own), row.length - row.budget)
        weight = column_sums(row)[row.positions] if self.weights == "attention" else None
        return Slots.means(runs(links), weight)


def column_sums(row: Row) -> Tensor:
    """Return the attention that each token of the prompt got in layer K-1, of all heads and tokens."""
    probe = row.probe
    sums = torch.zeros(probe.real.shape[1], device=row.states.device)
    for _, rows in probe.attention(probe.real):
        sums += rows[0].sum((0, 1))
    return sums


def _left(length: int, drop: float, done: int, stages: int) -> float:
    """Tokens left after ``done`` stages whose shares fall in a line from ``drop`` to nothing."""
    left = float(length)
    for number in range(done):
        left *= 1 - drop * (1 - number / stages)
    return left
