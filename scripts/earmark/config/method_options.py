"""The options of a method, read from its source: what doesn't fit is said before anything is computed.

Nothing of a method is imported here, for the workflow is parsed more often than run; what values an option
may have is the method's own word (`earmark.reduction.loader`).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError, nearest


def check_options(where: str, source: Path, options: Mapping[str, Any]) -> None:
    """Check names and types of options against the fields of the method in ``source``.

    Raises:
        UserError: there is no such option, or its value is of another type.

    """
    known = _fields(source)
    for option, value in options.items():
        if option not in known:
            there = nearest(option, known) if known else "the method has no options"
            raise UserError(f"{where}.{option}: no such option; {there}")
        given, wanted = type(value).__name__, known[option]
        if given != wanted and (given, wanted) != ("int", "float"):
            raise UserError(f"{where}.{option}: {value!r} must be of type {wanted}")


def _fields(source: Path) -> dict[str, str]:
    """Return the options of the method that a file defines, with the names of their types."""
    classes = [node for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)]
    return {
        node.target.id: node.annotation.id
        for found in classes
        for node in found.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.annotation, ast.Name)
    }
