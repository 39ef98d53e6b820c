"""Local temporal bipartite merging: merge like tokens that are close in time.

    even tokens offer themselves to the most similar odd token at most `window` places away
    the best offers are taken, at most half a round, until k are left; a slot is the mean of its members

Luo, Liang and Hu (arXiv 2605.25179, May 2026), known to us from the abstract; no code found. That
the window counts places among the tokens left, its width of 2, and the rounds are our reading, after
token merging (Bolya et al., ICLR 2023). `global-merge` is the same without a window. Cost: n times
the window products of the hidden width a round.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.bipartite import merged
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class Ltbm(ByRow):
    """Option: how many places away an even token may find its odd one."""

    window: int = 2

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse a window without a neighbour."""
        if self.window < 1:
            raise UserError(f"ltbm: window={self.window}: set it to 1 or more")

    def row(self, row: Row) -> Tensor | Slots:
        """Merge within the window."""
        return merged(row.states, row.budget, self.window)
