"""A frozen network with an adapter: what of it is trained, what is saved, and what it is once merged.

Batch normalisation has a policy. ``frozen``: its statistics stay those of the base, so a domain's adapter is
its weights alone. ``update``: they follow the training data, as in the public code where they move unasked;
then they belong to the adapter and are saved with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from earmark.core.errors import UserError
from earmark.systems.separation.adapters.contract import Adapter
from earmark.systems.separation.asked import BatchNorm
from earmark.systems.separation.network.resunet import ResUNet

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class Adapted(nn.Module):
    """A network of which an adapter alone is trained; called as the network is."""

    def __init__(self, model: ResUNet, adapter: Adapter, batch_norm: BatchNorm = "frozen") -> None:
        super().__init__()
        self.model, self.adapter, self.batch_norm = model, adapter, batch_norm
        model.requires_grad_(False)
        self._own = dict(adapter.own(model))
        for weight in self._own.values():
            weight.requires_grad_(True)
        self._changed: dict[str, nn.Module] = {}
        for name, layer, change in list(adapter.targets(model)):
            parametrize.register_parametrization(layer, "weight", change)
            self._changed[name] = change

    def forward(self, mixture: Tensor, condition: Tensor) -> Tensor:
        """Return what the queries ask for, as :class:`ResUNet`."""
        return self.model(mixture, condition)

    def train(self, mode: bool = True) -> Adapted:
        """Switch to training; frozen batch normalisation stays as it is in evaluation."""
        super().train(mode)
        if self.batch_norm == "frozen":
            for layer in self.model.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        return self

    def trained(self) -> list[nn.Parameter]:
        """Return the weights that are trained."""
        return [weight for weight in self.parameters() if weight.requires_grad]

    def state(self) -> dict[str, Tensor]:
        """Return what the adapter alone is made of, by the names of the layers it changes."""
        return {name: value.detach().cpu().clone() for name, value in self._tensors().items()}

    def load(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        """Take a saved adapter's tensors over.

        Raises:
            UserError: one is missing, unknown or of another shape: the file is of another kind or network.

        """
        wanted = self.state()
        for name, value in wanted.items():
            if name not in tensors or tensors[name].shape != value.shape:
                raise UserError(
                    f"{path} lacks '{name}' of shape {list(value.shape)}: it is of another kind of adapter, "
                    "of other blocks or rank, or of another network"
                )
        unknown = sorted(tensors.keys() - wanted.keys())
        if unknown:
            raise UserError(f"{path} has an unknown tensor '{unknown[0]}'; is it of another adapter?")
        with torch.no_grad():
            for name, target in self._tensors().items():
                target.copy_(tensors[name])

    def merged(self) -> dict[str, Tensor]:
        """Return the state dict of the plain network that computes the same."""
        with torch.no_grad():
            changed = {f"{name}.weight": self._layer(name).weight.detach().clone() for name in self._changed}
        return _plain(self.model.state_dict()) | changed

    def _layer(self, name: str) -> Any:
        return self.model.get_submodule(name)

    def _tensors(self) -> dict[str, Tensor]:
        """Return the adapter's own tensors, in place."""
        added = {
            f"{name}.{leaf}": weight
            for name, change in self._changed.items()
            for leaf, weight in change.named_parameters()
        }
        return added | self._own | self._statistics()

    def _statistics(self) -> dict[str, Tensor]:
        if self.batch_norm == "frozen":
            return {}
        return {name: value for name, value in self.model.named_buffers() if name.endswith(STATISTICS)}


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict without what parametrisations add to its names and tensors."""
    found = {}
    for name, value in state.items():
        layer, inside, leaf = name.partition(".parametrizations.weight.")
        if not inside:
            found[name] = value.detach().clone()
        elif leaf == "original":
            found[f"{layer}.weight"] = value.detach().clone()
    return found
