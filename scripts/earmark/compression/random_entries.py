"""Keep random entries: the control every scored method has to beat.

Drawn per layer and kv head from seed, sample id and number of entries that may go, so neither the
batch nor the order of samples makes a difference.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from earmark.compression.contract import Compressor, Entries, order_of
from earmark.core import seeding


@dataclass(frozen=True)
class Random(Compressor):
    """Uniform scores."""

    called: ClassVar[str] = "random"

    def score(self, entries: Entries) -> Tensor:
        """Draw each row from its own generator."""
        span, heads = entries.outline.span, entries.keys.shape[1]
        drawn = torch.zeros(len(span.lengths), heads, max(1, *span.lengths))
        for row, (sample_id, length) in enumerate(zip(entries.outline.sample_ids, span.lengths, strict=True)):
            draw = seeding.generator(entries.seed, "cache", sample_id, str(length), str(entries.number))
            drawn[row, :, :length] = torch.from_numpy(draw.random((heads, length)))
        places = order_of(span.mask).clamp(min=0)[:, None].expand(-1, heads, -1)
        return drawn.to(places.device).gather(2, places)
