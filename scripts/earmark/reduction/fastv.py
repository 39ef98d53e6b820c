"""FastV: keep the audio tokens the last prompt token attends to most.

    score = mean over heads of softmax(q_last k^T / sqrt(d)), layer K-1

Chen et al., "An Image is Worth 1/2 Tokens After Layer 2" (arXiv 2403.06764); audio variant as in
AudioMarathon (arXiv 2510.07293), whose code (DabDans/AudioMarathon, Apache-2.0) was read, not copied.
Only this one attention row is computed, so any attention implementation will do. Cost: one query
projection and one row of dot products.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from earmark.reduction.contract import Known, Reducer, first_of


@dataclass(frozen=True)
class FastV(Reducer):
    """Largest attention first, the earlier token on a tie."""

    needs_attention: ClassVar[bool] = True
    lowest_layer: ClassVar[int] = 1

    def reference_tokens(self, length: int, drop: float) -> int:
        """As published, without a minimum: a drop ratio near 1 keeps nothing."""
        return int(length * (1 - drop))

    def select(self, known: Known) -> Tensor:
        """Rank the span by the attention it receives."""
        assert known.attention is not None
        scores = known.span.take(known.attention).masked_fill(~known.span.filled, -1.0)
        return first_of(scores.argsort(dim=1, descending=True, stable=True), known.budget)
