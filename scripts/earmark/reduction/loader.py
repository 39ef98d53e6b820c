"""Reach a method by its name: `load("dart", {"text_pivots": 0})`, `load("kv-snap")`.

Methods are found by their classes (`config/methods.py`), and only the one that is asked for is
imported: results go stale by the method they used alone.
"""

import importlib
from collections.abc import Mapping
from typing import Any, cast

from earmark.config import methods
from earmark.config.method_options import check_options, held_by
from earmark.core.errors import UserError, nearest
from earmark.reduction.contract import Method


def available(prefix: str = "") -> list[str]:
    """Names of all methods of a kind, sorted: those of `reduction/`, or behind `kv-` of `compression/`."""
    return sorted(
        method.name for method in methods.methods().values() if methods.KINDS[method.kind][1] == prefix
    )


def load(name: str, options: Mapping[str, Any] | None = None) -> Method:
    """Return the method called `name`, with `options` for its fields.

    An option that is a method itself is given by name, or as `{"reducer": name, "options": {...}}`.

    Raises:
        UserError: there is no such method or option, or an option has the wrong type or value.

    """
    known = methods.methods()
    if name not in known:
        raise UserError(f"reduction method {name!r} does not exist: {nearest(name, known)}")
    found, given = known[name], dict(options or {})
    check_options(name, found, given)
    inner = {option: load(*each) for option, each in held_by(found, given).items()}
    lists = {option: tuple(value) for option, value in given.items() if isinstance(value, list)}
    cls = getattr(importlib.import_module(found.cls.module), found.cls.name)
    return cast(Method, cls(**given | lists | inner))
