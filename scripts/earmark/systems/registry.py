"""The systems there are: the folders beside this file, and whose a path or a name is."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

from earmark.core.errors import UserError
from earmark.systems.contract import ResultType, System

FOLDER = Path(__file__).parent


@cache
def systems() -> tuple[System, ...]:
    """Return every system that has a folder here, in the order of the page."""
    names = sorted(path.parent.name for path in FOLDER.glob("*/system.py"))
    found = [cast(System, import_module(f"earmark.systems.{name}.system").SYSTEM) for name in names]
    for name, system in zip(names, found, strict=True):
        if system.name != name:
            raise UserError(f"systems/{name}/system.py calls its system '{system.name}'; both must agree")
    return tuple(sorted(found, key=lambda system: (system.order, system.name)))


def result_at(path: str) -> str:
    """Return the part of a path that is a result's, from results/ on: files of a storage lie below others."""
    ends = (path[found.start() :] for found in re.finditer(r"(?<![^/])results/", path))
    results = (each for each in ends if any(system.made(each) for system in systems()))
    found = next(results, None)
    if found is None:
        raise UserError(f"{path} is no path of a result")
    return found


def result_type(path: str) -> tuple[System, ResultType]:
    """Return whose result a path is, and of which type; raises UserError if it is none."""
    for each in systems():
        for kind in each.types:
            if kind.matches(path):
                return each, kind
    raise UserError(f"{path} is no path of a result")


def system(name: str) -> System:
    """Return a system by name."""
    return next(each for each in systems() if each.name == name)


def written() -> list[str]:
    """Return the folders of a working directory that the workflow writes to."""
    shared = ["benchmarks", "data", "features", "logs", "models", "results"]
    return sorted({*shared, *(folder for each in systems() for folder in each.outputs)})


def reserved() -> dict[str, str]:
    """Return the names that no model may take, each with whose folder below results/ it is."""
    found = {"plots": "the page's plots", "tables": "the page's tables"}
    for each in systems():
        found |= dict.fromkeys((each.name, *each.folders), f"the system '{each.name}'")
    return found
