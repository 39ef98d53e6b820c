"""Reconv: beside every 3x3 convolution another one of the same shape, started at 0 (DP-LASS).

Convolution is linear, so both are one: ``W = W0 + s * D`` with ``s = alpha / (9 * rank)``. It is not of low
rank: as many numbers are trained as the convolutions have.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.systems.separation.adapters.contract import Change, OfConvolutions, alpha_of
from earmark.systems.separation.network.resunet import ResUNet

RANK = OfConvolutions.rank
"""Of the published scale; it bounds nothing."""


class Beside(Change):
    """``W0 + scale * delta``."""

    def __init__(self, like: Tensor, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.delta = nn.Parameter(torch.zeros_like(like))

    def forward(self, frozen: Tensor) -> Tensor:
        """Return the sum."""
        return frozen + self.scale * self.delta


class Reconv(OfConvolutions):
    """A convolution beside each of the blocks' convolutions."""

    name = "reconv"

    def change(self, layer: nn.Conv2d, scale: float) -> Change:
        """Return the change of a layer; see :class:`Beside`."""
        return Beside(layer.weight, scale)

    def scale(self, model: ResUNet, block: str) -> float:
        """Return the published strength."""
        return scale(model, block, self.rank)


def scale(model: ResUNet, block: str, rank: int = RANK) -> float:
    """Return what a block's second convolutions are multiplied by."""
    return alpha_of(model, block) / (9 * rank)
