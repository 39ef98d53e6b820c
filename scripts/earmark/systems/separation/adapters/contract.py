"""What an adapter is: a change of some weights of a frozen network that is small, or at least saved alone.

One file of this folder defines one kind. An adapter replaces weights by parametrisations of torch's, so the
network runs on unchanged; taking the parametrised values as they are is the merge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from earmark.core.errors import UserError, nearest
from earmark.systems.separation.network.resunet import ResUNet


class Change(nn.Module, ABC):
    """A weight as a function of the frozen one: a parametrisation with weights of its own."""

    @abstractmethod
    def forward(self, frozen: Tensor) -> Tensor:
        """Return the weight to compute with, of the frozen one's shape."""


class Adapter(ABC):
    """A kind of adapter, with its settings."""

    name: ClassVar[str]

    @abstractmethod
    def targets(self, model: ResUNet) -> Iterator[tuple[str, nn.Module, Change]]:
        """Yield what is changed: the layer's name, the layer, and the change of its ``weight``."""

    def own(self, model: ResUNet) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield weights of the network that are trained as they are, by name; most kinds have none."""
        yield from ()


def convolutions(model: ResUNet) -> Iterator[tuple[str, str, nn.Conv2d]]:
    """Yield every 3x3 convolution of a network as (block, name, layer), from the first encoder on."""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            yield block_of(name), name, layer


def block_of(name: str) -> str:
    """Return the block a layer is in: ``encoders.2``, ``middle`` or ``decoders.0``."""
    first, second, *_ = [*name.split("."), ""]
    return f"{first}.{second}" if second.isdigit() else first


def alpha_of(model: ResUNet, block: str) -> float:
    """Return the published strength of a block's change: 1, 2, 4, 8, 12, 16 from the outermost level in.

    It follows the channels: 32 a unit, and 16 from the last level on. Networks of other sizes are treated
    alike by the share of their widest level.
    """
    strengths = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0)
    levels = len(model.sizes.channels)
    last = min(levels, len(strengths)) - 1
    part, _, number = block.partition(".")
    # A decoder's is that of the level it comes from: 16, 16, 12, 8, 4, 2.
    level = {"encoders": int(number or 0), "decoders": levels - int(number or 0)}.get(part, last)
    return strengths[min(level, last)]


def chosen(model: ResUNet, blocks: list[str] | None) -> set[str]:
    """Return the blocks a list names, or all with 3x3 convolutions; raises UserError for one there isn't."""
    known = list(dict.fromkeys(block for block, _, _ in convolutions(model)))
    for block in blocks or []:
        if block not in known:
            raise UserError(f"adapter: blocks: unknown block '{block}'; {nearest(block, known)}")
    return set(blocks or known)


def as_matrix(layer: nn.Conv2d) -> tuple[int, int]:
    """Return the rows and columns of a convolution's weight as a matrix [out, in * height * width]."""
    return layer.weight.shape[0], layer.weight[0].numel()


def low_rank(rows: int, columns: int, rank: int) -> tuple[nn.Parameter, nn.Parameter]:
    """Return factors [rows, rank] and [rank, columns] whose product is 0: the first drawn, the second 0."""
    left = torch.randn(rows, rank) * rank**-0.5
    return nn.Parameter(left), nn.Parameter(torch.zeros(rank, columns))


@dataclass(frozen=True)
class OfConvolutions(Adapter):
    """A kind that changes each of the blocks' 3x3 convolutions; ``rank`` sets how strongly.

    ``blocks`` names the blocks, None: all.
    """

    blocks: list[str] | None = None
    rank: int = 4
    """As published; of Reconv's strength alone, which it does not bound."""

    @abstractmethod
    def change(self, layer: nn.Conv2d, scale: float) -> Change:
        """Return the change of a layer, what is added to its weight taken ``scale`` times."""

    def targets(self, model: ResUNet) -> Iterator[tuple[str, nn.Module, Change]]:
        """Yield the 3x3 convolutions of the blocks."""
        wanted = chosen(model, self.blocks)
        for block, name, layer in convolutions(model):
            if block in wanted:
                yield name, layer, self.change(layer, self.scale(model, block))

    def scale(self, model: ResUNet, block: str) -> float:
        """Return the strength of a block's change."""
        return alpha_of(model, block) / self.rank
