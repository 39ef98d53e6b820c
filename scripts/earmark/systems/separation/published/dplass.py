"""DP-LASS's adapter files: a whole network each, of which the adapters and the statistics are taken.

A file holds ``dora_state_dict`` whatever it is trained with: names of AudioSep below ``model.``, where every
wrapped convolution is ``conv.weight`` (frozen) and ``lora_adapter.weight`` (what is added, times a constant
that the file does not say; it follows the block, see :func:`reconv.scale`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.models import state_file
from earmark.systems.separation.adapters import reconv
from earmark.systems.separation.adapters.adapted import STATISTICS
from earmark.systems.separation.adapters.contract import convolutions
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.published import audiosep, names

KEY, PREFIX = "dora_state_dict", "model."
_FROZEN, _ADDED = ".conv.weight", ".lora_adapter.weight"
_MISSING = "fetch cluster<n>_model.pt, or set the path to where it lies"


def load(model: ResUNet, path: Path, rank: int = reconv.RANK) -> dict[str, Tensor]:
    """Fill a network with a file's weights, adapters merged, and return the adapters by our layers' names.

    Args:
        model: of the published sizes.
        path: of the file.
        rank: that the constant was made with; the released code assumes 4.

    Raises:
        UserError: it is no adapter file of DP-LASS, or does not fit the network.

    """
    tensors = read(path)
    added: dict[str, Tensor] = {}
    plain = {name: value for name, value in tensors.items() if not name.endswith((_FROZEN, _ADDED))}
    for theirs, ours, block in _wrapped(model):
        if theirs + _FROZEN not in tensors or theirs + _ADDED not in tensors:
            continue  # not wrapped; what is missing altogether is named below
        frozen, beside = tensors[theirs + _FROZEN], tensors[theirs + _ADDED]
        if frozen.shape != beside.shape:
            raise UserError(f"{path}: '{theirs}' has weights of two shapes; fetch the file again")
        added[f"{ours}.delta"] = beside
        plain[f"{theirs}.weight"] = frozen + reconv.scale(model, block, rank) * beside
    if not added:
        raise UserError(
            f"{path} holds no adapters (lora_adapter.weight); use a cluster<n>_model.pt of DP-LASS"
        )
    audiosep.fill(model, {name: value for name, value in plain.items() if audiosep.wanted(name)}, path)
    return added


def adapter(base: ResUNet, path: Path) -> dict[str, Tensor]:
    """Return what of a file is the adapter's, by names of :meth:`.Adapted.state`: deltas and statistics.

    Raises:
        UserError: as :func:`load`; or what the file holds frozen is not the base.

    """
    made = ResUNet(base.sizes)
    added, tensors = load(made, path), read(path)
    own, theirs = base.state_dict(), made.state_dict()
    statistics = {name: value for name, value in theirs.items() if name.endswith(STATISTICS)}
    frozen = {name: value for name, value in theirs.items() if name not in statistics}
    frozen |= {
        f"{ours}.weight": tensors[name + _FROZEN]
        for name, ours, _ in _wrapped(base)
        if name + _FROZEN in tensors
    }
    for name, value in frozen.items():
        if not torch.allclose(value.float(), own[name].cpu(), atol=1e-6):
            raise UserError(f"{path} was trained on another network: '{name}' differs; use AudioSep's own")
    return added | statistics


def _wrapped(model: ResUNet) -> Iterator[tuple[str, str, str]]:
    """Yield the 3x3 convolutions as (public name, our name, block)."""
    for block, name, _ in convolutions(model):
        for _, public in names.public([f"{name}.weight"], len(model.sizes.channels)):
            yield public.removesuffix(".weight"), name, block


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of an adapter file by AudioSep's names; raises UserError if it is none."""
    content: Any = state_file.read(path, _MISSING)
    if not isinstance(content, Mapping) or not isinstance(content.get(KEY), Mapping):
        raise UserError(f"{path} has no {KEY}: not an adapter file of DP-LASS")
    tensors = state_file.named(content[KEY], path, "a cluster<n>_model.pt of DP-LASS")
    return {name.removeprefix(PREFIX): value for name, value in tensors.items()}
