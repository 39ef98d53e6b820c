"""A user's own encoder: a class in a Python file, or in an installed package.

The file is the user's code and is run, unlike anything that comes with weights or data.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedParameter

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.checkpoint import Checkpoint
from earmark.models.towers import file_of
from earmark.models.towers.asked import Tower

ENDING = "Encoder"


def build(tower: Tower, checkpoint: Checkpoint | None, device: str) -> nn.Module:
    """Return an instance of the class; raises UserError where it cannot be found or made."""
    assert tower.code is not None, "an encoder of one's own is a class"
    code, arguments = tower.code, tower.arguments or {}
    found = _class(code)
    try:
        made = found(**arguments)
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{code}: {found.__name__}({_shown(arguments)}) fails ({words})") from error
    if not isinstance(made, nn.Module):
        raise UserError(f"{code}: {found.__name__} is no torch.nn.Module; derive it from that")
    if any(isinstance(weight, UninitializedParameter) for weight in made.parameters()):
        raise UserError(
            f"{code}: {found.__name__} has weights of no size yet (a lazy layer); run it once in __init__"
        )
    return made


def _class(code: str) -> Any:
    """Return the class that ``file.py``, ``file.py:Class`` or ``package.module.Class`` names."""
    path = file_of(code)
    if path is not None:
        module = _run(path)
        return _in_file(module, path, code.partition(".py:")[2])
    place, _, name = code.rpartition(".")
    try:
        return getattr(importlib.import_module(place), name)
    except (ImportError, ValueError, AttributeError) as error:
        raise UserError(
            f"code: '{code}' is neither a .py file nor the dotted name of a class ({error})"
        ) from None


def _run(path: Path) -> ModuleType:
    """Return the module of a file, which may import its neighbours."""
    if not path.is_file():
        raise UserError(f"code: there is no file {path}")
    name = f"earmark_own_{abs(hash(path.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    neighbours = str(path.resolve().parent)
    if neighbours not in sys.path:
        sys.path.append(neighbours)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{path} cannot be imported ({words})") from error
    return module


def _in_file(module: ModuleType, path: Path, name: str) -> Any:
    """Return the class of that name, or the one that the file itself defines and calls ``...Encoder``."""
    own = {
        each: value
        for each, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    chosen = [name] if name else [each for each in own if each.endswith(ENDING)]
    if len(chosen) != 1 or chosen[0] not in own:
        said = f"no class {name}" if name else f"{len(chosen)} classes called ...{ENDING}"
        raise UserError(f"{path} defines {said}; name one of its classes: {path}:<Class>")
    return own[chosen[0]]


def _shown(arguments: Json) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())
