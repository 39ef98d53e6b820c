"""Weights from one file: nothing in it is run, and every tensor is accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from earmark.core.errors import UserError
from earmark.models import state_file


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a state dict (``.safetensors``, or what torch.save wrote).

    Raises:
        UserError: no such file, damage, or anything in it but tensors by name.

    """
    content: Any = state_file.read(path, "delete teacher.json beside it to make it again")
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise UserError(f"{path} is not a state dict: tensors by name and nothing else are expected")
    return dict(content)


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path, options: str) -> None:
    """Load tensors into a model.

    Raises:
        UserError: the first tensor that is missing, unknown, of another shape or not finite; ``options``
            names the settings that decide what the model is like.

    """
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in tensors:
            raise UserError(f"{path} lacks '{name}'; {options} describe another network than it holds")
        if tensors[name].shape != value.shape:
            found, expected = (list(tensor.shape) for tensor in (tensors[name], value))
            raise UserError(f"{path}: '{name}' is {found}, expected {expected}; do {options} fit the file?")
        if not bool(torch.isfinite(tensors[name]).all()):
            raise UserError(f"{path}: '{name}' is not finite; get the file again")
    unknown = next((name for name in tensors if name not in wanted), None)
    if unknown is not None:
        raise UserError(
            f"{path} has an unknown tensor '{unknown}'; {options} describe another network than it holds"
        )
    model.load_state_dict(dict(tensors))
