"""Time pooling: equal pieces in time become their means before layer K, each where its middle stood.

    piece i of k: tokens floor(i n / k) .. floor((i + 1) n / k) - 1
    its mean stands at the piece's middle token, the earlier one of two

Of our own; no public code. It differs from `average-pooling` in two things. It acts at the model's layer
and not at the input: behind a few layers a token knows what came before it, and means of such states say
more. And it stands in the middle of what it stands for: at a piece's first token, where merging at the
input puts it, it lies up to a piece too early. Chosen on a speaker that the model was trained on and no
test hears; docs/methods.md has what was tried beside it. Cost: one sum.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class TimePooling(ByRow):
    """Means of equal pieces in time."""

    called: ClassVar[str] = "time-pooling"

    def row(self, row: Row) -> Tensor | Slots:
        """Number the pieces in integers, so that no rounding differs between devices."""
        offsets = torch.arange(row.length, device=row.states.device)
        pieces = Slots.means(((offsets + 1) * row.budget - 1) // row.length)
        last = torch.cat([pieces.place[1:] - 1, offsets[-1:]])
        return replace(pieces, place=(pieces.place + last) // 2)
