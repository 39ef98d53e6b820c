"""LoRA: a product of two thin matrices beside every 3x3 convolution (Hu et al., ICLR 2022)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from earmark.systems.separation.adapters.contract import (
    Adapter,
    Change,
    alpha_of,
    chosen,
    convolutions,
    low_rank,
    scaled,
)
from earmark.systems.separation.network.resunet import ResUNet


class Product(Change):
    """``W0 + scale * A B``, weights as matrices [out, in * 9]."""

    def __init__(self, layer: nn.Conv2d, rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.left, self.right = low_rank(*scaled(layer), rank)

    def forward(self, frozen: Tensor) -> Tensor:
        """Return the sum."""
        return frozen + self.scale * (self.left @ self.right).reshape(frozen.shape)


@dataclass(frozen=True)
class LoRA(Adapter):
    """A product of ``rank`` beside each of the blocks' convolutions."""

    blocks: list[str] | None = None
    rank: int = 4
    name = "lora"

    def targets(self, model: ResUNet) -> Iterator[tuple[str, nn.Module, Change]]:
        """Yield the 3x3 convolutions of the blocks."""
        wanted = chosen(model, self.blocks)
        for block, name, layer in convolutions(model):
            if block in wanted:
                yield name, layer, Product(layer, self.rank, alpha_of(model, block) / self.rank)
