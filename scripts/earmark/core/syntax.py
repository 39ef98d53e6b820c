"""A Python file as its syntax tree: what jobs run is digested and methods are found without an import."""

from __future__ import annotations

import ast
from pathlib import Path

from earmark.core.errors import UserError


def tree(path: Path) -> ast.Module:
    """Parse a Python file; raises UserError that names the line Python cannot read."""
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: {error.msg}; mend this line of code") from None
