"""The summary's rows of encoder scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earmark.report import rows as common

Row = dict[str, Any]
SETTINGS = ("suite", "decoder", "compat", "steps")


def rows(path: Path, record: dict[str, Any]) -> Iterator[Row]:
    """Yield a row per metric of a data set, or of a table."""
    asked = {name: record["asked"][name] for name in SETTINGS}
    yield from common.metrics({**common.common(record), **asked}, record)
