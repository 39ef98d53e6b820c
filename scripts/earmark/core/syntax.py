"""A Python file as its syntax tree: what jobs run is digested and methods are found without an import."""

from __future__ import annotations

import ast
from pathlib import Path

from earmark.core.errors import UserError


def tree(path: Path, content: bytes | None = None) -> ast.Module:
    """Parse a Python file, or its ``content`` if that is read; raises UserError as :func:`wrong` words it."""
    try:
        return ast.parse(path.read_bytes() if content is None else content, filename=str(path))
    except SyntaxError as error:
        raise UserError(wrong(path, error.lineno, error.msg)) from None


def wrong(path: Path | str, line: int | str | None, what: str) -> str:
    """Return the words for a line that Python cannot read."""
    return f"{path}:{line}: {what}; mend this line of code"
