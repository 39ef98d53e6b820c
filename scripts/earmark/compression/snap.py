"""SnapKV: keep what the end of the prompt attends to, smoothed over neighbours.

    score = mean over the last `window` queries of softmax(q k^T / sqrt(d)),
            averaged over `kernel` neighbouring entries and over the query heads of a kv head

Li et al., "SnapKV: LLM Knows What You Are Looking for Before Generation" (arXiv 2404.14469), with
average pooling as in kvpress. The window itself stays, its latest entries first if the budget cannot
hold it. A prompt no longer than the window has nothing to look back at: all scores are equal.
Cost: `window` rows of attention per layer.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from earmark.compression.contract import Compressor, Entries, first
from earmark.core.errors import UserError


@dataclass(frozen=True)
class Snap(Compressor):
    """Options: queries that look back, and the odd number of entries that share their scores."""

    window: int = 64
    kernel: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be centred on an entry."""
        if self.window < 1 or self.kernel < 1 or self.kernel % 2 == 0:
            raise UserError(
                f"kv-snap: window={self.window}, kernel={self.kernel}: set window to 1 or more and kernel "
                "to an odd number"
            )

    def score(self, entries: Entries) -> Tensor:
        """Pool after the mean over queries; both are sums, so the order makes no difference."""
        (rows, prompt), heads = entries.real.shape, entries.keys.shape[1]
        before = prompt - self.window
        if before <= 0:
            return torch.zeros(rows, 1, prompt, device=entries.keys.device)
        seen = entries.attention(self.window).mean(dim=3)[..., :before]
        pooled = F.avg_pool1d(seen.reshape(-1, 1, before), self.kernel, 1, self.kernel // 2)
        scores = F.pad(pooled.view(rows, heads, -1, before).mean(dim=2), (0, self.window))
        window = entries.real.clone()
        window[:, :before] = False
        long_enough = entries.real.sum(1) > self.window
        return first(scores, window) * long_enough[:, None, None]
