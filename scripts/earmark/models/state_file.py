"""Files that hold a state dict: nothing in them is run, and no object in them is called."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

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
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {missing}") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than weights (or is damaged), and reading it could run code; nothing of it "
            "was run. Get the published file, or save the state dict alone"
        ) from None
    except (
        SafetensorError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        OSError,
        zipfile.BadZipFile,
    ) as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())[:120]})") from None
