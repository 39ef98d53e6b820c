"""DP-LASS's adapter files: a whole network each, of which the adapters and the statistics are taken.

A file holds ``dora_state_dict`` whatever it is trained with: names of AudioSep below ``model.``, where every
wrapped convolution is ``conv.weight`` (frozen) and ``lora_adapter.weight`` (what is added, times a constant
that the file does not say; it follows the block, see :func:`reconv.scale`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from earmark.core.errors import UserError
from earmark.models import state_file
from earmark.systems.separation.adapters import reconv
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
    table = {
        theirs.removesuffix(".weight"): (ours.removesuffix(".weight"), block)
        for block, name, _ in convolutions(model)
        for ours, theirs in names.public([f"{name}.weight"], len(model.sizes.channels))
    }
    added: dict[str, Tensor] = {}
    plain = {name: value for name, value in tensors.items() if not name.endswith((_FROZEN, _ADDED))}
    for theirs, (ours, block) in table.items():
        if theirs + _FROZEN not in tensors or theirs + _ADDED not in tensors:
            continue  # not wrapped; what is missing altogether is named below
        added[f"{ours}.delta"] = tensors[theirs + _ADDED]
        plain[f"{theirs}.weight"] = (
            tensors[theirs + _FROZEN] + reconv.scale(model, block, rank) * tensors[theirs + _ADDED]
        )
    if not added:
        raise UserError(
            f"{path} holds no adapters (lora_adapter.weight); use a cluster<n>_model.pt of DP-LASS"
        )
    audiosep.fill(model, {name: value for name, value in plain.items() if audiosep.wanted(name)}, path)
    return added


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of an adapter file by AudioSep's names; raises UserError if it is none."""
    content: Any = state_file.read(path, _MISSING)
    if not isinstance(content, Mapping) or not isinstance(content.get(KEY), Mapping):
        raise UserError(f"{path} has no {KEY}: not an adapter file of DP-LASS")
    tensors = state_file.named(content[KEY], path, "a cluster<n>_model.pt of DP-LASS")
    return {name.removeprefix(PREFIX): value for name, value in tensors.items()}
