"""From the rows of a clip to what is stored: which rows (span) and what of them (pooling)."""

from __future__ import annotations

import torch
from torch import Tensor


def pool(states: Tensor, how: str, mask: Tensor | None = None) -> Tensor:
    """Reduce states [rows, width] to [width], or leave them as they are with ``none``.

    Sums are in float32. ``mask`` [rows] marks the rows that count; only ``masked_mean`` weighs by it,
    the others take it that no padding is left. Nothing stored here ever holds padding, so on a clip's
    own rows ``mean`` and ``masked_mean`` are one number; they differ on a padded batch.
    """
    if how == "none":
        return states
    if how == "last":
        return states[-1]
    if how == "mean" or mask is None:
        return states.float().mean(0)
    weights = mask.to(torch.float32)
    return (states.float() * weights[:, None]).sum(0) / weights.sum()
