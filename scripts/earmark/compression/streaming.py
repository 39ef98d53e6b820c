"""StreamingLLM: keep the beginning and the end.

    the first `sinks` entries, then the most recent ones             the same for every kv head

Xiao et al., "Efficient Streaming Language Models with Attention Sinks" (arXiv 2309.17453). Counted
among the entries that may go: those of the audio, or of the whole prompt in reference mode.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from earmark.compression.contract import Compressor, Entries, order_of
from earmark.core.errors import UserError


@dataclass(frozen=True)
class Streaming(Compressor):
    """Option: entries kept at the beginning."""

    sinks: int = 4

    def __post_init__(self) -> None:
        """Refuse less than none."""
        if self.sinks < 0:
            raise UserError(f"kv-streaming: sinks={self.sinks}: set sinks to 0 or more")

    def score(self, entries: Entries) -> Tensor:
        """Needs no more than the places."""
        place = order_of(entries.outline.span.mask)
        return torch.where(place < self.sinks, place.shape[1] - place, place - place.shape[1])[:, None]
