"""TOVA: keep what the last prompt token attends to.

    score = mean over all heads of softmax(q_last k^T / sqrt(d))     the same for every kv head

Oren et al., "Transformers are Multi-State RNNs" (arXiv 2401.06104). The last token itself always
stays. Cost: one row of attention per layer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from earmark.compression.contract import Compressor, Entries, first


@dataclass(frozen=True)
class Tova(Compressor):
    """Largest attention first."""

    def score(self, entries: Entries) -> Tensor:
        """One row per layer, shared by the heads."""
        row = entries.attention(1).mean(dim=(1, 2, 3))
        last = torch.zeros_like(entries.real)
        last[:, -1] = True
        return first(row[:, None], last)
