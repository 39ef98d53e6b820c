"""DART: keep a few strong pivots and, for each, the audio tokens least like it.

Wen et al., "Stop Looking for Important Tokens in Multimodal Language Models: Duplication Matters
More" (arXiv 2502.11494); audio variant as in AudioMarathon (arXiv 2510.07293), before layer K:

    strength(i) = sum over heads and dimensions of |key_i|            keys of layer K-1
    audio pivots: the strongest tokens of the span; they are kept
    text pivots:  the strongest tokens of the text after the span
    for each pivot p, audio pivots first, strongest first:
        keep its share of the tokens not yet kept with the smallest cos(norm(h_p), norm(h_i))

The states are compared after the decoder's final RMSNorm, as published. Where this differs from
the published code, it is on purpose: pivots take turns in the order above (theirs follows the order
of a Python set, which `reference` repeats); ties go to the earlier token; sums and cosines are in
float32; and exactly the budget is kept: the shares of the pivots are equal, the first ones take one
more if it does not divide. With too few tokens there are fewer pivots, where theirs fails.

Code ZichenWen1/DART and DabDans/AudioMarathon, both Apache-2.0, read, not copied. Cost: one [pivots,
hidden] x [hidden, span] product and one sort of the span per pivot; no transfer to the host.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.contract import Known, Reducer, below, first_of, take_tokens


@dataclass(frozen=True)
class Dart(Reducer):
    """Options: the number of pivots among the audio tokens (at least 1) and the later text."""

    audio_pivots: int = 4
    text_pivots: int = 4

    needs_keys: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse counts that leave nothing to compare with."""
        if self.audio_pivots < 1 or self.text_pivots < 0:
            raise UserError(
                f"dart: audio_pivots={self.audio_pivots}, text_pivots={self.text_pivots}: "
                "set audio_pivots to 1 or more and text_pivots to 0 or more"
            )

    def reference_tokens(self, length: int, drop: float) -> int:
        """The audio pivots, and for every pivot the same whole number of tokens."""
        pivots = self.audio_pivots + self.text_pivots
        return self.audio_pivots + pivots * int(length * (1 - drop) / pivots)

    def select(self, known: Known) -> Tensor:
        """Let the pivots take turns, all rows at once."""
        assert known.keys is not None
        span, device = known.span, known.hidden.device
        strength = known.keys.abs().sum(dim=(1, 3), dtype=torch.float32)
        audio = strongest(span.take(strength), span.filled, self.audio_pivots)
        text = strongest(strength, known.text_after, self.text_pivots)

        budget = torch.tensor(known.budget, device=device)
        audio_used = below(tuple(min(self.audio_pivots, k) for k in known.budget), audio)
        text_used = take_tokens(known.text_after, text)
        kept = torch.zeros_like(span.filled).scatter(1, audio, audio_used)
        places, used = (
            torch.cat([span.positions.gather(1, audio), text], dim=1),
            torch.cat([audio_used, text_used], 1),
        )
        if known.reference:
            turn = set_order(places.tolist(), used.tolist(), audio.shape[1], known.starts)
            turns = torch.tensor(turn, device=device)
            places, used = places.gather(1, turns), used.gather(1, turns)
        shares = share_out(budget - audio_used.sum(1), used)

        # Of the whole prompt: text is short, and copying the span costs more than norming it.
        states = known.norm(known.hidden).float()
        pivots = F.normalize(take_tokens(states, places), dim=-1)
        # Lengths are divided out of the products, not of the states: there are fewer of them.
        lengths = torch.linalg.vector_norm(states, dim=-1).clamp(min=1e-12)
        likeness = span.take((states @ pivots.mT) / lengths.unsqueeze(-1)).mT
        rank = torch.arange(kept.shape[1], device=device)
        for pivot in range(pivots.shape[1]):
            free = likeness[:, pivot].masked_fill(kept | ~span.filled, torch.inf)
            order = free.argsort(dim=1, stable=True)
            kept |= torch.zeros_like(kept).scatter(1, order, rank < shares[:, pivot, None])
        return first_of((~kept).to(torch.uint8).argsort(dim=1, stable=True), known.budget)


def strongest(strength: Tensor, allowed: Tensor, count: int) -> Tensor:
    """Columns of the largest values [rows, <= count], allowed ones first, ties to the left."""
    return strength.masked_fill(~allowed, -1.0).argsort(dim=1, descending=True, stable=True)[:, :count]


def set_order(
    places: list[list[int]], used: list[list[bool]], audio: int, starts: Sequence[int]
) -> list[list[int]]:
    """Return in which order a Python set of the pivots' positions gives them out, unused ones last.

    The published code loops over the union of the set of audio pivots, which are the first `audio` of each
    row, and that of text pivots. The order is CPython's, the same in every run: hashes of integers are the
    integers. Positions count from the prompt's first token, without padding.
    """
    orders = []
    for row, taken, start in zip(places, used, starts):
        at = {position - start: index for index, (position, real) in enumerate(zip(row, taken)) if real}
        first = {position for position, index in at.items() if index < audio}
        union = first | {position for position, index in at.items() if index >= audio}
        orders.append([at[position] for position in union] + [i for i, real in enumerate(taken) if not real])
    return orders


def share_out(total: Tensor, used: Tensor) -> Tensor:
    """Divide `total` [rows] over the pivots `used` [rows, pivots]; the first ones take the rest."""
    count = used.sum(1, keepdim=True).clamp(min=1)
    turn = used.cumsum(1) - 1
    total = total[:, None]
    return (total // count + (turn < total % count)) * used
