"""LoRA: a product of two thin matrices beside every 3x3 convolution (Hu et al., ICLR 2022)."""

from __future__ import annotations

from torch import Tensor, nn

from earmark.systems.separation.adapters.contract import Change, OfConvolutions, as_matrix, low_rank


class Product(Change):
    """``W0 + scale * A B``, weights as matrices [out, in * 9]."""

    def __init__(self, layer: nn.Conv2d, rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.left, self.right = low_rank(*as_matrix(layer), rank)

    def forward(self, frozen: Tensor) -> Tensor:
        """Return the sum."""
        return frozen + self.scale * (self.left @ self.right).reshape(frozen.shape)


class LoRA(OfConvolutions):
    """A product of ``rank`` beside each of the blocks' convolutions."""

    name = "lora"

    def change(self, layer: nn.Conv2d, scale: float) -> Change:
        """Return the change of a layer; see :class:`Product`."""
        return Product(layer, self.rank, scale)
