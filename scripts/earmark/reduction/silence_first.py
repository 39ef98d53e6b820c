"""Silence first: drop the quietest audio, then thin out the rest evenly.

    quiet: tokens whose sound is `floor_db` or more below the loudest token's
    the quietest go first; once only louder ones are left, they are kept evenly spaced in time

A baseline of our own, without a model: what a method gains beyond leaving out pauses has to show
against it. Loudness is the mean square of the samples behind a token, in dB, stored with the
encoder's features. Cost: none beside one sort.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.reduction.likeness import largest
from earmark.reduction.rows import ByRow, Row, Slots


@dataclass(frozen=True)
class SilenceFirst(ByRow):
    """Option: how far below the loudest token silence begins, in dB."""

    floor_db: float = 40.0

    called: ClassVar[str] = "silence-first"
    acts_at: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        """Refuse a floor above the loudest, and none at all."""
        if not 0 < self.floor_db < torch.inf:
            raise UserError(f"silence-first: floor_db={self.floor_db}: set it above 0")

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """Loudness in dB."""
        return ("loudness",)

    def row(self, row: Row) -> Tensor | Slots:
        """Keep the loudest, or evenly spaced ones among all that are loud."""
        loudness = row.encoder["loudness"]
        loud = (loudness > loudness.max() - self.floor_db).nonzero()[:, 0]
        if len(loud) <= row.budget:
            return largest(loudness, row.budget)
        pieces = torch.arange(row.budget, device=loud.device)
        return loud[(2 * pieces + 1) * len(loud) // (2 * row.budget)]
