"""Clips of a padded batch, and the padded batch of what was made of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def clips_of(audio: Tensor, mask: Tensor | None) -> list[Tensor]:
    """Return the clips [samples] of a batch [clips, samples] without their padding; one sample at least."""
    if mask is None:
        return list(audio)
    return [clip[: max(1, int(length))] for clip, length in zip(audio, mask.sum(1), strict=True)]


def padded(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return features [frames, width] of some clips as one batch and the mask of what is no padding."""
    lengths = torch.tensor([len(clip) for clip in features], device=features[0].device)
    batch = nn.utils.rnn.pad_sequence(list(features), batch_first=True)
    mask = torch.arange(batch.shape[1], device=batch.device)[None] < lengths[:, None]
    return batch, mask.long()
