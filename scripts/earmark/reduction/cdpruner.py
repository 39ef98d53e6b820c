"""CDPruner: keep tokens that are relevant and unlike each other, by a determinantal point process.

    L_ij = r_i cos(x_i, x_j) r_j; greedily take the token that makes the determinant of L largest
    relevance "none":       r = 1
    relevance "attention":  r = attention of a token to itself in the encoder's last layer, maximum of heads
    relevance "question":   r = min-max over the audio of MINUS its mean cosine with the question's tokens

Zhang et al. (arXiv 2506.10967): relevance by the question, in the embedding space that an image
encoder shares with its text encoder (there a low cosine means relevant, hence the minus). Audio
encoders have no such space, so the audio forms of SA-MAP's repository have "none" or "attention", and
"none" is the default. Code Theia-4869/CDPruner and Tencent/AngelSlim, both Apache-2.0, read, not
copied. Without relevance every diagonal is 1 and the first pick a matter of rounding there; here it is
the token least like all others. Cost: n * n products of the hidden width and k steps on the host.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.reduction.likeness import cosines, volume_greedy
from earmark.reduction.rows import ByRow, Row, Slots, port_tokens


@dataclass(frozen=True)
class CDPruner(ByRow):
    """Option: what makes a token relevant."""

    relevance: Literal["none", "attention", "question"] = "none"

    acts_at: ClassVar[int | None] = 0

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token gave itself, where that is relevance."""
        return ("diagonal_max",) if self.relevance == "attention" else ()

    def reference_tokens(self, length: int, drop: float) -> int:
        """As the port counts."""
        return port_tokens(length, drop)

    def row(self, row: Row) -> Tensor | Slots:
        """Build the kernel and search it."""
        likeness = cosines(row.states)
        if self.relevance == "none":
            lone = -likeness.sum(0)
            return volume_greedy(likeness, row.budget, lone, first=int(lone.argmax()))
        if self.relevance == "attention":
            relevance = row.encoder["diagonal_max"]
        else:
            relevance = to_question(row.states, row.question)
        return volume_greedy(relevance[:, None] * likeness * relevance, row.budget, relevance)


def to_question(states: Tensor, question: Tensor) -> Tensor:
    """Return the relevance of tokens [n, width] to a question's [q, width] in a space they share, in 0..1."""
    if not len(question):
        return torch.ones(len(states), device=states.device)
    score = -cosines(states, question).mean(1)
    spread = score.max() - score.min()
    return (score - score.min() + 1e-6) / spread if spread > 0 else torch.ones_like(score)
