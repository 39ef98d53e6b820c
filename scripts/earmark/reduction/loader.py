"""Reach a method by its name: `load("dart", {"text_pivots": 0})`.

A method is a module of this folder that defines one `Reducer`. Nothing here imports the methods by
name, and listing them only parses their source: results go stale by the method they used alone.
"""

import ast
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from earmark.errors import UserError, nearest
from earmark.reduction.contract import Reducer

FOLDER = Path(__file__).parent


def available() -> list[str]:
    """Names of all methods, sorted: the modules in this folder that define a reducer."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if _defines_reducer(path))


def load(name: str, options: Mapping[str, Any] | None = None) -> Reducer:
    """Return the method called `name`, with `options` for its fields.

    Raises:
        UserError: there is no such method or option, or an option has the wrong type or value.

    """
    names = available()
    if name not in names:
        raise UserError(f"reduction method {name!r} does not exist: {nearest(name, names)}")
    module = importlib.import_module(f"earmark.reduction.{name}")
    (method,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Reducer) and value.__module__ == module.__name__
    )
    defaults = {field.name: field.default for field in fields(method)}
    for option, value in (options or {}).items():
        if option not in defaults:
            raise UserError(f"{name} has no option {option!r}: {nearest(option, defaults)}")
        wanted = type(defaults[option])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise UserError(f"{name}: option {option}={value!r} must be of type {wanted.__name__}")
    return method(**(options or {}))


def _defines_reducer(path: Path) -> bool:
    """Whether a class at the top of the file derives from `Reducer`, without importing it."""
    return any(
        isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Reducer" for base in node.bases)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )
