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
        kind: ``l1`` is the mean absolute difference, AudioSep's. ``sdr`` is the ratio that is scored, in dB
            and negative, so that quiet targets count as much as loud ones; it levels off at 30 dB. ``both``
            is the mean of it and of its scale-invariant kind: silence is a safe answer for the first, and a
            whole mixture for the second.

    """
    if kind == "l1":
        return (estimate - target).abs().mean(dim=-1)
    sdr = _ratio(_power(estimate - target), _power(target), _power(target))
    if kind == "sdr":
        return sdr
    share = (estimate * target).mean(dim=-1) / (_power(target) + _SMALLEST)
    kept = share[:, None] * target
    return 0.5 * (sdr + _ratio(_power(estimate - kept), _power(kept), _power(target)))


def _ratio(error: Tensor, signal: Tensor, target: Tensor) -> Tensor:
    """Return an error's power over a signal's in dB; both are at least a share of the target's."""
    floor = _FLOOR * target + _SMALLEST
    return 10 * (torch.log10(error + floor) - torch.log10(signal + floor))


def _power(wave: Tensor) -> Tensor:
    return wave.square().mean(dim=-1)
