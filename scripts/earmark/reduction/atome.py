"""A-ToMe: merge the most similar pairs of neighbours.

    pairs (0, 1), (2, 3), ...; s_i = cos(x_2i, x_2i+1)
    merge the pairs of largest s: at most n - k of them; again from the start until k are left

Li et al., "Accelerating Transducers through Adjacent Token Merging" (arXiv 2306.16009, Interspeech
2023), which merges on the keys of some encoder layers. Here it is the form at the language model's
input that SA-MAP's repository compares with (Tencent/AngelSlim, branch SA-MAP, Apache-2.0; read, not
copied). One pass cannot leave less than half; below that our passes go on, tokens counting by their
members, where theirs gives more tokens than asked for. `reference` stops after one pass. A
threshold, the paper's second mode, merges every pair above it instead, once. Cost: n products of the
hidden width and one sort a pass.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.reduction.likeness import check_cosine, largest, neighbour_cosines
from earmark.reduction.rows import ByRow, Row, Slots, port_tokens, shares


@dataclass(frozen=True)
class Atome(ByRow):
    """Options: how members count (equally, or by the encoder's attention), and the paper's threshold."""

    weights: Literal["mean", "attention"] = "mean"
    threshold: float | None = None

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse what no cosine can be."""
        check_cosine("atome: threshold", self.threshold)

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received, where members count by it."""
        return ("received_max",) if self.weights == "attention" else ()

    @property
    def exact(self) -> bool:
        """A threshold leaves what it leaves."""
        return self.threshold is None

    def reference_tokens(self, length: int, drop: float) -> int:
        """As one pass of the port: never below half."""
        return length - min(length - port_tokens(length, drop), length // 2)

    def row(self, row: Row) -> Tensor | Slots:
        """Pass over the pairs until the budget is met; groups are runs of neighbours."""
        count = torch.ones(row.length, device=row.states.device)
        weight = row.encoder["received_max"] if self.weights == "attention" else count
        groups = torch.arange(row.length, device=weight.device)
        while True:
            likeness = neighbour_cosines(_means(row.states, groups, weight))[::2]
            left = int(groups[-1]) + 1
            if self.threshold is None:
                taken = largest(likeness, left - row.budget)
            else:
                taken = (likeness > self.threshold).nonzero()[:, 0]
            second = torch.zeros(left, dtype=torch.long, device=groups.device)
            second[2 * taken + 1] = 1  # the later one of a pair joins the earlier
            groups = (torch.arange(left, device=groups.device) - second.cumsum(0))[groups]
            if self.threshold is not None or left - len(taken) == row.budget:
                return Slots.means(groups, weight)


def _means(states: Tensor, groups: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of each group, [groups, hidden]."""
    sums = states.new_zeros(int(groups[-1]) + 1, states.shape[1])
    return sums.index_add(0, groups, states * shares(groups, weight)[:, None].to(states.dtype))
