"""Reconv: beside every 3x3 convolution another one of the same shape, started at 0 (DP-LASS).

Convolution is linear, so both are one: ``W = W0 + s * D`` with ``s = alpha / (9 * rank)``. It is not of low
rank: as many numbers are trained as the convolutions have. ``blocks`` names the blocks that get one; all, if
it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from earmark.systems.separation.adapters.contract import Adapter, Change, alpha_of, chosen, convolutions
from earmark.systems.separation.network.resunet import ResUNet

RANK = 4
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


@dataclass(frozen=True)
class Reconv(Adapter):
    """A convolution beside each of the blocks' convolutions."""

    blocks: list[str] | None = None
    rank: int = RANK
    name = "reconv"

    def targets(self, model: ResUNet) -> Iterator[tuple[str, nn.Module, Change]]:
        """Yield the 3x3 convolutions of the blocks."""
        wanted = chosen(model, self.blocks)
        for block, name, layer in convolutions(model):
            if block in wanted:
                yield name, layer, Beside(layer.weight, scale(model, block, self.rank))


def scale(model: ResUNet, block: str, rank: int = RANK) -> float:
    """Return what a block's second convolutions are multiplied by."""
    return alpha_of(model, block) / (9 * rank)
