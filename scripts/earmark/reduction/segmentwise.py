"""Segmentwise top-k: in every stretch of time keep the tokens the encoder attends to most.

    segment i of S: tokens floor(i n / S) .. floor((i + 1) n / S) - 1
    keep the floor(k / S) tokens of each with the most attention received in the encoder's last layer
    what is left of k: the best of all others

arXiv 2511.14293 (ICASSP 2026); no public code. S is 10 for 30 s of audio at 25 tokens a second, so a
segment is 75 tokens here, whatever the length; `segments` sets their number instead. That the mean of
the heads counts is our reading. `reference` keeps S floor(k / S), as the paper's formula has it. Cost:
the encoder's attention once more in its last layer, in blocks, and one sort.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class Segmentwise(ByRow):
    """Options: tokens of a segment, or the number of segments."""

    segment_tokens: int = 75
    segments: int | None = None

    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse empty segments."""
        if self.segment_tokens < 1 or (self.segments is not None and self.segments < 1):
            raise UserError("segmentwise: set segment_tokens and segments to 1 or more")

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """What each token received."""
        return ("received_mean",)

    def reference_tokens(self, length: int, drop: float) -> int:
        """The same number of every segment."""
        segments = self._segments(length)
        return max(1, segments * (int(length * (1 - drop)) // segments))

    def row(self, row: Row) -> Tensor | Slots:
        """Number the ranks within segments; the first of each stand before all others."""
        score, segments = row.encoder["received_mean"], self._segments(row.length)
        numbers = torch.arange(row.length, device=score.device)
        segment = ((numbers + 1) * segments - 1) // row.length
        best = largest(score, row.length)
        order = best[segment[best].argsort(stable=True)]  # by segment, the best of each first
        sizes = segment.bincount(minlength=segments)
        rank = numbers - (sizes.cumsum(0) - sizes)[segment[order]]
        first = order[rank < row.budget // segments]
        chosen = torch.zeros(row.length, dtype=torch.bool, device=score.device).scatter(0, first, True)
        return torch.cat([first, largest(score.masked_fill(chosen, -torch.inf), row.budget - len(first))])

    def _segments(self, length: int) -> int:
        return self.segments or max(1, round(length / self.segment_tokens))
