"""The families of models: one file each, found by its name; see :mod:`earmark.models.contract`."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from earmark.core.errors import UserError, nearest
from earmark.models.contract import Family


def names() -> list[str]:
    """Return the families there are: the files of this folder."""
    return sorted(path.stem for folder in __path__ for path in Path(folder).glob("[a-z]*.py"))


@cache
def family(name: str) -> Family:
    """Return a family.

    Raises:
        UserError: there is none of that name, or its file defines no family or several.

    """
    if name not in names():
        raise UserError(f"unknown model family '{name}'; {nearest(name, names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Family) and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise UserError(f"{module.__file__} defines {len(own)} families; one file, one subclass of Family")
    found: Family = own[0]()
    return found
