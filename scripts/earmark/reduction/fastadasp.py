"""FastAdaSP at the input: link the most similar neighbours and merge every chain of links.

    s_i = cos(x_i, x_i+1); the n - k largest are links; a run is a chain of links
    y_run = mean of its members, plain or weighted by the attention they received in the encoder

Lu et al., "FastAdaSP" (arXiv 2410.03007, EMNLP 2024 industry track); in this form a baseline of
SA-MAP's repository (Tencent/AngelSlim, branch SA-MAP, Apache-2.0; read, not copied). What the paper
does inside a decoder layer is `fastadasp-layer`. Cost: n products of the hidden width, one sort.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from earmark.reduction.likeness import neighbour_cosines, runs, strongest_links
from earmark.reduction.rows import ByRow, Row, Slots, port_tokens


@dataclass(frozen=True)
class FastAdaSP(ByRow):
    """Option: how members count, equally or by the encoder's attention."""

    weights: Literal["mean", "attention"] = "mean"

    acts_at: ClassVar[int | None] = 0

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received, where members count by it."""
        return ("received_max",) if self.weights == "attention" else ()

    def reference_tokens(self, length: int, drop: float) -> int:
        """As the port counts."""
        return port_tokens(length, drop)

    def row(self, row: Row) -> Tensor | Slots:
        """Each link makes one token less."""
        links = strongest_links(neighbour_cosines(row.states), row.length - row.budget)
        return Slots.means(runs(links), row.encoder.get("received_max"))
