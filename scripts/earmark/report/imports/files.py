"""The files that config's ``import`` names. Imported when the workflow is parsed, so it stays light."""

from __future__ import annotations

from pathlib import Path

from earmark.config.common import Import
from earmark.core.errors import UserError


def import_files(block: Import) -> list[Path]:
    """Return the files a block of config's ``import`` names, sorted.

    Raises:
        UserError: there is none.

    """
    pattern = Path(block.path).expanduser()
    start = Path(pattern.anchor)
    found = sorted(path for path in start.glob(str(pattern.relative_to(start))) if path.is_file())
    if not found:
        raise UserError(f"config: import: there is no file {block.path}")
    return found
