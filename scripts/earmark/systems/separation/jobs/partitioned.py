"""The partition of a task's classes as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError


def read(path: Path) -> dict[str, Any]:
    """Return a partition; raises UserError if it can't be read."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        found["domains"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); delete it to make it again") from None
    return found


def classes_of(partition: Mapping[str, Any], domain: str) -> frozenset[str]:
    """Return the classes of a domain."""
    return frozenset(next(each["classes"] for each in partition["domains"] if each["name"] == domain))
