"""AudioSep's checkpoints, read once into safetensors with names of ours, and written back.

The public file is a Lightning checkpoint: below ``state_dict``, and there below ``ss_model.``, lie the
network, its Fourier matrices (rebuilt here, so dropped) and sometimes the query encoder. Read with
``strict=False``, as the public code does, a wrong file loads nothing and says nothing; here every tensor is
accounted for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.models import state_file
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.published import names

PREFIX = "ss_model."
_ENCODER = "query_encoder."
_OF_CLAP = ("text_branch.", "audio_branch.", "text_projection.", "logit_scale_a")
_MISSING = "fetch audiosep_base_4M_steps.ckpt, or set checkpoint of the separator to where it lies"


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by their public names, without prefixes and Fourier matrices.

    Raises:
        UserError: it is missing or damaged, would run code, or is CLAP's checkpoint.

    """
    content: Any = state_file.read(path, _MISSING)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    tensors = state_file.named(content, path, "an AudioSep checkpoint")
    whole = names.without_prefix(tensors, PREFIX)
    if any(name.removeprefix("module.").startswith(_OF_CLAP) for name in whole):
        raise UserError(
            f"{path} is CLAP's checkpoint, the query encoder, not the separator's; set checkpoint to "
            "audiosep_base_4M_steps.ckpt and give this file as the text encoder's"
        )
    return {name: tensors[full] for name, full in whole.items() if wanted(name)}


def wanted(name: str) -> bool:
    """Whether a tensor is to be accounted for: all but the fixed transforms and the query encoder."""
    return names.separator_only(name) or not name.startswith(("base.", "film.", _ENCODER))


def load(model: ResUNet, path: Path) -> None:
    """Fill a network with a checkpoint.

    Raises:
        UserError: as :func:`read`; or a tensor is missing, unknown, of another shape or not finite.

    """
    fill(model, read(path), path)


def fill(model: ResUNet, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Fill a network with tensors by their public names; raises UserError as :func:`load`."""
    wanted = model.state_dict()
    table = dict(names.public(wanted, len(model.sizes.channels)))
    missing = [theirs for theirs in table.values() if theirs not in tensors]
    names.refuse(path, missing, sorted(tensors.keys() - table.values()))
    for ours, theirs in table.items():
        if tensors[theirs].shape != wanted[ours].shape:
            found, expected = list(tensors[theirs].shape), list(wanted[ours].shape)
            raise UserError(
                f"{path}: '{theirs}' is {found}, expected {expected}; do the separator's sizes fit it?"
            )
        if not bool(torch.isfinite(tensors[theirs]).all()):
            raise UserError(f"{path}: '{theirs}' is not finite; fetch the file again")
    model.load_state_dict({ours: tensors[theirs] for ours, theirs in table.items()})


def exported(model: ResUNet) -> dict[str, dict[str, Tensor]]:
    """Return a network as a checkpoint that AudioSep's own code loads (``torch.save`` it)."""
    state = model.state_dict()
    table = names.public(state, len(model.sizes.channels))
    return {"state_dict": {f"{PREFIX}{theirs}": state[ours].detach().cpu() for ours, theirs in table}}
