"""SpeechPrune: keep what resembles the question, then what the first layer's signs attend to.

    1. m_i = mean over the question's tokens of cos(x_i, e_t); frames of `frame` tokens, F_a = sum of m
       frame a keeps its floor(k1 softmax(F)_a) tokens of largest m; what is left of k1: the largest
       m anywhere
    2. S = sign(x), A = softmax((S sign(W_q)) (S sign(W_k))^T / sqrt(d)), W of decoder layer 0
       keep the k tokens with the largest mean over the rows of A

arXiv 2412.12009 (ICME 2025, text CC-BY); no public code found. k1 is 750 in the paper, what fits 30 s;
here it is halfway between n and k. Of which index stage 2 takes its mean, and that all heads are one
softmax, are our reading. The question is the text behind the audio, where nothing more is known.
Projected audio need not share a space with text: useless where m doesn't vary, and for
transcription. Cost: n times the question's length products of the hidden width, and k1 * k1 of the
query width.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import cosines, largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class SpeechPrune(ByRow):
    """Option: tokens of a frame, about a second."""

    frame: int = 25

    acts_at: ClassVar[int | None] = 0
    needs_probe: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse empty frames."""
        if self.frame < 1:
            raise UserError(f"speechprune: frame={self.frame}: set it to 1 or more")

    def row(self, row: Row) -> Tensor | Slots:
        """Two stages, halfway and down to the budget."""
        middle = -(-(row.length + row.budget) // 2)
        asked = row.question
        likeness = cosines(row.states, asked).mean(1) if len(asked) else row.states.new_zeros(row.length)
        first = like_the_question(likeness, middle, self.frame).sort().values
        probe = row.probe
        width = probe.layer.self_attn.head_dim
        score = sign_attention(row.states[first], probe.weight("q"), probe.weight("k"), width)
        return first[largest(score, row.budget)]


def like_the_question(likeness: Tensor, count: int, frame: int) -> Tensor:
    """Return ``count`` tokens of largest likeness [n], frames' shares by the softmax of their sums."""
    frames = torch.arange(len(likeness), device=likeness.device) // frame
    sums = likeness.new_zeros(int(frames[-1]) + 1).index_add(0, frames, likeness)
    share = (count * sums.softmax(0)).floor().long()
    order = largest(likeness, len(likeness))
    order = order[frames[order].argsort(stable=True)]
    rank = torch.arange(len(order), device=order.device) - frame * frames[order]
    first = order[rank < share[frames[order]]]
    chosen = torch.zeros_like(frames, dtype=torch.bool).scatter(0, first, True)
    rest = largest(likeness.masked_fill(chosen, -torch.inf), count - len(first))
    return torch.cat([first, rest])


def sign_attention(states: Tensor, queries: Tensor, keys: Tensor, head_dim: int) -> Tensor:
    """Return the mean attention each token received, from signs alone, all heads side by side.

    Args:
        states: [n, hidden].
        queries: [heads * head_dim, hidden] projection.
        keys: [kv heads * head_dim, hidden] projection; a shared one counts for each of its query heads.
        head_dim: width of a head.

    """
    signs = states.sign()
    asked = signs @ queries.to(signs.dtype).sign().mT
    given = (signs @ keys.to(signs.dtype).sign().mT).unflatten(1, (-1, head_dim))
    given = given.repeat_interleave(len(queries) // len(keys), dim=1).flatten(1)
    return (asked @ given.mT / len(queries) ** 0.5).softmax(-1).mean(0)
