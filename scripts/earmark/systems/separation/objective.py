"""What a training minimises, per mixture."""

from __future__ import annotations

import torch
from torch import Tensor

_FLOOR = 1e-3
"""Of the error's share of the target: from 30 dB on nothing is gained, so easy mixtures don't lead."""
_SMALLEST = 1e-8


def losses(estimate: Tensor, target: Tensor, kind: str) -> Tensor:
    """Return the loss of each mixture, [batch].

    Args:
        estimate: waveforms [batch, samples].
        target: the same.
        kind: ``l1`` is the mean absolute difference, AudioSep's; ``sdr`` the ratio that is scored, negative
        and
            in dB, levelling off at 30 dB, so that quiet targets count as much as loud ones.

    """
    if kind == "l1":
        return (estimate - target).abs().mean(dim=-1)
    power, error = target.square().mean(dim=-1), (estimate - target).square().mean(dim=-1)
    return 10 * (torch.log10(error + _FLOOR * power + _SMALLEST) - torch.log10(power + _SMALLEST))
