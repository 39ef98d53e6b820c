"""VisionZip, carried over to audio: keep dominant tokens, merge the rest into a few contextual ones.

    dominant:   the k - c tokens with the most attention received in the encoder's last layer
    contextual: c of the rest, evenly spaced in time; every other token goes to the one whose encoder
                keys are most like its own
    a contextual token becomes x + the mean of those that went to it

Yang et al. (arXiv 2412.04467, CVPR 2025); audio form as in SA-MAP's repository. Code
dvlab-research/VisionZip and Tencent/AngelSlim, both Apache-2.0, read, not copied. Both add the mean to
the contextual token's own state, which about doubles its norm; `merge: mean` averages all instead.
`contextual` is a share of the audio, 0.05 in the port. Attention is the mean of heads; so are keys.
`reference` rounds both shares down, as the port. Cost: the encoder's attention once more in its last
layer, and n * c products of a head's width.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import cosines, largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class VisionZip(ByRow):
    """Options: the share of contextual tokens, and what becomes of them."""

    contextual: float = 0.05
    merge: Literal["add", "mean"] = "add"

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse a share of nothing or more than all."""
        if not 0 < self.contextual < 1:
            raise UserError(f"visionzip: contextual={self.contextual}: set it between 0 and 1")

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received, and its keys."""
        return ("received_mean", "keys")

    def reference_tokens(self, length: int, drop: float) -> int:
        """Two shares, each rounded down and at least 1."""
        dominant = int((round(1 - drop, 12) - self.contextual) * length)
        return max(1, dominant) + max(1, int(self.contextual * length))

    def row(self, row: Row) -> Tensor | Slots:
        """Send the rest to evenly spaced targets."""
        count, device = row.length, row.states.device
        targets = min(max(1, int(self.contextual * count)), row.budget - 1)
        dominant = largest(row.encoder["received_mean"], row.budget - targets)
        free = torch.ones(count, dtype=torch.bool, device=device).scatter(0, dominant, False)
        rest = free.nonzero()[:, 0]
        if not targets:
            return dominant
        chosen = rest[:: max(1, len(rest) // targets)][:targets]
        keys = row.encoder["keys"]
        nearest = cosines(keys[rest], keys[chosen]).argmax(1)
        place = torch.cat([dominant, chosen]).sort().values
        slot = torch.full((count,), -1, device=device)
        slot[place] = torch.arange(len(place), device=device)
        into = slot.clone()
        into[rest] = slot[chosen[nearest]]
        into[chosen] = slot[chosen]
        weight = torch.ones(count, device=device)
        members = into.bincount(minlength=len(place)).float()
        if self.merge == "mean":
            return Slots(place, into, (1 / members)[into])
        guests = free.clone()
        guests[chosen] = False
        weight[guests] = 1 / (members[into[guests]] - 1)
        return Slots(place, into, weight)
