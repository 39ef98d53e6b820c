"""Reach a method by its name: `load("dart", {"text_pivots": 0})`, `load("kv-snap")`.

A method is a module that defines one `Reducer` (in this folder) or one `Compressor` (in
`compression/`, its name behind `kv-`). Nothing here imports the methods by name, and listing them
only parses their source: results go stale by the method they used alone.
"""

import ast
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError, nearest
from earmark.reduction.contract import Method

LIBRARY = Path(__file__).parents[1]
KINDS = {"": ("reduction", "Reducer"), "kv-": ("compression", "Compressor")}
"""By prefix of the name: the package and the class that its methods derive from."""


def available(prefix: str = "") -> list[str]:
    """Names of all methods of a kind, sorted: the modules of its package that define one."""
    package, base = KINDS[prefix]
    return sorted(prefix + path.stem for path in (LIBRARY / package).glob("*.py") if _defines(base, path))


def load(name: str, options: Mapping[str, Any] | None = None) -> Method:
    """Return the method called `name`, with `options` for its fields.

    Raises:
        UserError: there is no such method or option, or an option has the wrong type or value.

    """
    names = [name for prefix in KINDS for name in available(prefix)]
    if name not in names:
        raise UserError(f"reduction method {name!r} does not exist: {nearest(name, names)}")
    prefix = "kv-" if name.startswith("kv-") else ""
    module = importlib.import_module(f"earmark.{KINDS[prefix][0]}.{name.removeprefix(prefix)}")
    (method,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Method) and value.__module__ == module.__name__
    )
    defaults = {field.name: field.default for field in fields(method)}
    for option, value in (options or {}).items():
        if option not in defaults:
            raise UserError(f"{name} has no option {option!r}: {nearest(option, defaults)}")
        wanted = type(defaults[option])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise UserError(f"{name}: option {option}={value!r} must be of type {wanted.__name__}")
    return method(**(options or {}))


def _defines(base: str, path: Path) -> bool:
    """Whether a class at the top of the file derives from `base`, without importing it."""
    return any(
        isinstance(node, ast.ClassDef)
        and any(isinstance(parent, ast.Name) and parent.id == base for parent in node.bases)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )
