"""Whether a disk has room for what is about to be written."""

from __future__ import annotations

import shutil
from pathlib import Path

from earmark.core.errors import UserError


def free(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be."""
    return shutil.disk_usage(next(p for p in (folder, *folder.absolute().parents) if p.exists())).free


def check(folder: Path, needed: int, what: str, cure: str) -> None:
    """Stop before the work if a disk cannot hold its result.

    Raises:
        UserError: names what is needed, what is free and the cure.

    """
    left = free(folder)
    if needed > left:
        raise UserError(
            f"{folder}: {what} {needed / 1e6:,.1f} MB, {left / 1e6:,.1f} MB are free; make space, or {cure}"
        )
