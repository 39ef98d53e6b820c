"""DoRA: LoRA for every filter's direction, and a length of its own (Liu et al., ICML 2024).

The length is differentiated through, as in DP-LASS's baseline; the paper holds it fixed in the gradient.
"""

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


class Directed(Change):
    """``m * V / |V|`` by rows of ``V = W0 + scale * A B``; at first m is ``|W0|``."""

    def __init__(self, layer: nn.Conv2d, rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.left, self.right = low_rank(*scaled(layer), rank)
        self.length = nn.Parameter(layer.weight.detach().flatten(1).norm(dim=1, keepdim=True))

    def forward(self, frozen: Tensor) -> Tensor:
        """Return the weight."""
        rows = frozen.flatten(1) + self.scale * (self.left @ self.right)
        return (self.length * rows / rows.norm(dim=1, keepdim=True)).reshape(frozen.shape)


@dataclass(frozen=True)
class DoRA(Adapter):
    """Directions of ``rank`` and lengths for each of the blocks' convolutions."""

    blocks: list[str] | None = None
    rank: int = 4
    name = "dora"

    def targets(self, model: ResUNet) -> Iterator[tuple[str, nn.Module, Change]]:
        """Yield the 3x3 convolutions of the blocks."""
        wanted = chosen(model, self.blocks)
        for block, name, layer in convolutions(model):
            if block in wanted:
                yield name, layer, Directed(layer, self.rank, alpha_of(model, block) / self.rank)
