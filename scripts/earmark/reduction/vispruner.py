"""VisPruner, carried over to audio: half by attention, half by taking duplicates out of the rest.

    important: the round(k / 2) tokens with the most attention received in the encoder's last layer
    diverse:   of the rest, again and again: split the list into even and odd places, and drop the even
               tokens most like one of the odd ones, `step` at a time, until k are left in all

Zhang et al. (arXiv 2412.01818, ICCV 2025), where `step` is 8; audio form, with 4, as in SA-MAP's
repository. Code Theia-4869/VisPruner and Tencent/AngelSlim, both Apache-2.0, read, not copied. As in
both, the even tokens left stand in falling order of that likeness for the next split, all odd ones
behind them. Attention is the maximum of heads. Cost: n * n products of the hidden width, once, and
n / step rounds on what is left.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import cosines, largest
from earmark.reduction.rows import ByRow, Row, Slots, port_tokens


@dataclass(frozen=True)
class VisPruner(ByRow):
    """Option: how many duplicates a round takes out."""

    step: int = 4

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse rounds that take nothing."""
        if self.step < 1:
            raise UserError(f"vispruner: step={self.step}: set it to 1 or more")

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received."""
        return ("received_max",)

    def reference_tokens(self, length: int, drop: float) -> int:
        """As the port counts."""
        return port_tokens(length, drop)

    def row(self, row: Row) -> Tensor | Slots:
        """Keep the important ones, thin out the others."""
        important = largest(row.encoder["received_max"], round(row.budget / 2))
        free = torch.ones(row.length, dtype=torch.bool, device=row.states.device)
        rest = free.scatter(0, important, False).nonzero()[:, 0]
        wanted = row.budget - len(important)
        # On the host, the matrix once: the rounds are many and small.
        likeness = cosines(row.states[rest]).cpu()
        left = torch.arange(len(rest))
        while len(left) > wanted:
            even, odd = left[::2], left[1::2]
            if not len(odd):
                left = left[:wanted]
                break
            most = likeness[even][:, odd].amax(1)
            order = most.argsort(descending=True, stable=True)
            left = torch.cat([even[order[min(self.step, len(left) - wanted) :]], odd])
        return torch.cat([important, rest[left.to(rest.device)]])
