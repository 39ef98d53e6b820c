"""DivPrune: keep tokens that are far from each other.

    d_ij = 1 - cos(x_i, x_j)
    first: the token whose nearest other one is farthest; then always the one farthest from all kept

Alvar et al. (arXiv 2503.02175, CVPR 2025). Written from the formulas alone: the public code
(vbdi/divprune) is CC-BY-NC-4.0 and nothing of it was used. A token is never taken twice, which
duplicates can bring about there. `reference` rounds the number kept half to even. It likes outliers:
clicks, onsets, padding. Cost: n * n products of the hidden width and k steps on the host.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from earmark.reduction.likeness import cosines, farthest, loneliest
from earmark.reduction.rows import ByRow, Row, Slots, port_tokens


@dataclass(frozen=True)
class DivPrune(ByRow):
    """No options."""

    acts_at: ClassVar[int | None] = 0

    def reference_tokens(self, length: int, drop: float) -> int:
        """Rounded half to even, one at least."""
        return port_tokens(length, drop, least=1)

    def row(self, row: Row) -> Tensor | Slots:
        """Farthest first."""
        distances = 1 - cosines(row.states)
        return farthest(distances, row.budget, loneliest(distances))
