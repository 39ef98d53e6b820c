"""FastV head by head: a token counts as much as the head that attends to it most.

    score = max over heads of softmax(q k^T / sqrt(d)), layer K-1, mean over the tokens that ask

FastV (Chen et al., arXiv 2403.06764) takes the mean over heads of the last token's row, and so does
`fastv`. A mean hides what a single head listens for; `over: max` keeps it. `queries: text` asks all
text behind the audio instead of the last token. `over: mean` with `queries: last` is `fastv`. The
public code (pkunlp-icler/FastV, read in the form of DabDans/AudioMarathon, Apache-2.0, not copied) needs
eager attention maps; here only the rows asked for are computed. Cost: these rows in one layer.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.reduction.likeness import largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class FastVHeads(ByRow):
    """Options: how heads are joined, and which tokens ask."""

    over: Literal["max", "mean"] = "max"
    queries: Literal["last", "text"] = "last"

    called: ClassVar[str] = "fastv-heads"
    lowest_layer: ClassVar[int] = 1
    acts_at: ClassVar[int | None] = 2
    needs_probe: ClassVar[bool] = True

    def reference_tokens(self, length: int, drop: float) -> int:
        """As FastV's."""
        return int(length * (1 - drop))

    def row(self, row: Row) -> Tensor | Slots:
        """Join the heads' rows."""
        probe = row.probe
        asking = torch.zeros_like(probe.real)
        asking[:, -1] = True
        if self.queries == "text":
            asking |= row.known.text_after[row.number : row.number + 1]
        rows = torch.cat([found[0][..., row.positions] for _, found in probe.attention(asking)], dim=1)
        each = rows.mean(1)
        return largest(each.amax(0) if self.over == "max" else each.mean(0), row.budget)
