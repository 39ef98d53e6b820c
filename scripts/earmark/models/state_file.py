"""Files that hold a state dict: nothing in them is run, and no object in them is called."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from earmark.core import memory
from earmark.core.errors import UserError


def read(path: Path, missing: str) -> Any:
    """Return what a ``.safetensors`` file holds, or one of torch.save's with tensors and plain values.

    Args:
        path: of the file.
        missing: what to do where there is none, for the message.

    Raises:
        UserError: no such file, damage, or an object in it whose reading would run code.

    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(action="ignore"):  # of pickle protocols, for a damaged file
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {missing}") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than weights (or is damaged), and reading it could run code; nothing of it "
            "was run. Get the published file, or save the state dict alone"
        ) from None
    except Exception as error:  # damaged bytes can ask the reader for anything, so it may raise anything
        if memory.ran_out(error):
            raise
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())[:120]})") from None


def named(content: Any, path: Path, use: str) -> dict[str, Tensor]:
    """Return the tensors of a state dict by name; other values in it, such as settings, are left out.

    Args:
        content: what :func:`read` returned, or a part of it.
        path: of the file, for the message.
        use: what file to use instead.

    Raises:
        UserError: it is no mapping by name, or a tensor is not one of plain numbers (sparse, say).

    """
    if not isinstance(content, Mapping):
        raise UserError(f"{path} holds no weights by name; use {use}")
    found = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    for name, value in found.items():
        if not isinstance(name, str):
            raise UserError(f"{path} holds no weights by name; use {use}")
        if value.layout != torch.strided or value.is_meta or value.is_quantized or value.is_complex():
            raise UserError(f"{path}: '{name}' is no tensor of plain numbers; use {use}")
    return found
