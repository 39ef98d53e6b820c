"""FiLM only: what a query does to the network is trained on, how it hears stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from earmark.systems.separation.adapters.contract import Adapter, Change
from earmark.systems.separation.network.blocks import Film
from earmark.systems.separation.network.resunet import ResUNet


@dataclass(frozen=True)
class FilmOnly(Adapter):
    """The linear layers from a query's vector to offsets, as they are."""

    name = "film"

    def targets(self, model: ResUNet) -> Iterator[tuple[str, nn.Module, Change]]:
        """Yield nothing: no weight is replaced."""
        yield from ()

    def own(self, model: ResUNet) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the weights of every FiLM layer."""
        for name, layer in model.named_modules():
            if isinstance(layer, Film):
                for leaf, weight in layer.named_parameters():
                    yield f"{name}.{leaf}", weight
