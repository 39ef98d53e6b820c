"""Average pooling: cut the audio into equal pieces in time and keep the mean of each.

    piece i of k: tokens floor(i n / k) .. floor((i + 1) n / k) - 1        default
    or windows of `factor` tokens, the last one shorter

The control that every merging method has to beat. Studied for audio language models in arXiv
2511.20973, which trains with it; without training only mild factors hold; no public code was
used. Cost: one sum. A slot stands where its first token stood.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class AveragePooling(ByRow):
    """Option: tokens in a window; without it, as many pieces as the budget says."""

    factor: int | None = None

    called: ClassVar[str] = "average-pooling"
    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse an empty window."""
        if self.factor is not None and self.factor < 1:
            raise UserError(f"average-pooling: factor={self.factor}: set it to 1 or more")

    @property
    def exact(self) -> bool:
        """A factor leaves what it leaves."""
        return self.factor is None

    def row(self, row: Row) -> Tensor | Slots:
        """Number the pieces in integers, so that no rounding differs between devices."""
        offsets = torch.arange(row.length, device=row.states.device)
        if self.factor is not None:
            return Slots.means(offsets // self.factor)
        return Slots.means(((offsets + 1) * row.budget - 1) // row.length)
