"""Global merge: merge like tokens wherever they are.

Local temporal bipartite merging (see `ltbm.py`) without its window: every even token may go to any
odd one. Luo, Liang and Hu (arXiv 2605.25179); no code found, our reading of the abstract. Cost:
n * n / 4 products of the hidden width in the first round, in blocks.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from earmark.reduction.bipartite import merged
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class GlobalMerge(ByRow):
    """No options."""

    called: ClassVar[str] = "global-merge"
    acts_at: ClassVar[int | None] = 0

    def row(self, row: Row) -> Tensor | Slots:
        """Merge over any distance."""
        return merged(row.states, row.budget, None)
