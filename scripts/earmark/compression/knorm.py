"""KNorm: keep the entries whose keys are short.

    score = -|key|                                  per kv head

Devoto et al., "A Simple and Effective L2 Norm-Based Strategy for KV Cache Compression"
(arXiv 2406.11430): short keys draw the most attention. Needs nothing but the cache.
"""

from dataclasses import dataclass

from torch import Tensor

from earmark.compression.contract import Compressor, Entries


@dataclass(frozen=True)
class KNorm(Compressor):
    """Shortest keys first."""

    def score(self, entries: Entries) -> Tensor:
        """Norms in float32, for bfloat16 would make ties."""
        return -entries.keys.float().norm(dim=-1)
