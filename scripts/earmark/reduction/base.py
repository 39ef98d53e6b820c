"""No reduction: keep every token, yet go through the same gather as all other methods.

The yardstick for accuracy, and the proof that the path itself changes nothing: its logits equal
those of the untouched model bit for bit. Of our own; no public code. Cost: one copy of the states.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.reduction.contract import Known, Reducer, first_of


@dataclass(frozen=True)
class Base(Reducer):
    """Keeps the whole span; a ratio below 1 is refused."""

    keeps_all: ClassVar[bool] = True

    def reference_tokens(self, length: int, drop: float) -> int:
        """All of them."""
        return length

    def select(self, known: Known) -> Tensor:
        """Every offset of every row."""
        every = torch.arange(known.span.positions.shape[1], device=known.hidden.device)
        return first_of(every.expand(len(known.budget), -1), known.budget)
