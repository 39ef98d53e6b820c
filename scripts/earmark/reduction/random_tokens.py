"""Keep a random subset: the control every scored method has to beat.

The subset is a function of seed, sample id and span length, never of the order, the batch, the
device or the time. It is a prefix of one permutation, so what a lower ratio keeps is contained in
what a higher ratio keeps. The published code (DabDans/AudioMarathon, Apache-2.0, read, not copied) draws
without a seed: its timing run and its scored run drop different tokens. Cost: one permutation on the CPU.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.core import seeding
from earmark.reduction.contract import Known, Reducer, first_of


@dataclass(frozen=True)
class Random(Reducer):
    """The first tokens of a permutation that belongs to the sample."""

    called: ClassVar[str] = "random"

    def select(self, known: Known) -> Tensor:
        """Draw each row from its own generator."""
        lengths, width = known.span.lengths, known.span.positions.shape[1]
        ranking = torch.zeros(len(lengths), width, dtype=torch.long)
        for row, (sample_id, length) in enumerate(zip(known.sample_ids, lengths, strict=True)):
            draw = seeding.generator(known.seed, "reduction", sample_id, str(length))
            ranking[row, :length] = torch.from_numpy(draw.permutation(length))
        return first_of(ranking.to(known.hidden.device), known.budget)
