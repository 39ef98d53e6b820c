"""DoRA: LoRA for every filter's direction, and a length of its own (Liu et al., ICML 2024).

The length is differentiated through, as in DP-LASS's baseline; the paper holds it fixed in the gradient.
"""

from __future__ import annotations

from torch import Tensor, nn

from earmark.systems.separation.adapters.contract import Change, OfConvolutions, as_matrix, low_rank


class Directed(Change):
    """``m * V / |V|`` by rows of ``V = W0 + scale * A B``; at first m is ``|W0|``."""

    def __init__(self, layer: nn.Conv2d, rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.left, self.right = low_rank(*as_matrix(layer), rank)
        self.length = nn.Parameter(layer.weight.detach().flatten(1).norm(dim=1, keepdim=True))

    def forward(self, frozen: Tensor) -> Tensor:
        """Return the weight."""
        rows = frozen.flatten(1) + self.scale * (self.left @ self.right)
        return (self.length * rows / rows.norm(dim=1, keepdim=True)).reshape(frozen.shape)


class DoRA(OfConvolutions):
    """Directions of ``rank`` and lengths for each of the blocks' convolutions."""

    name = "dora"

    def change(self, layer: nn.Conv2d, scale: float) -> Change:
        """Return the change of a layer; see :class:`Directed`."""
        return Directed(layer, self.rank, scale)
