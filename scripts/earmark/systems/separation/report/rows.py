"""Results of separation as rows of the summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.core.files import Json
from earmark.report import rows as common

Row = Json


def rows(path: Path, record: Json) -> Iterator[Row]:
    """Yield a row per metric, of each class, and of what is short of the oracle."""
    asked = record["asked"]
    note = "upper bound: chosen with the source in hand" if record["upper_bound"] else None
    shared = {
        **common.common(record),
        **{name: asked[name] for name in ("router", "adapter")},
        "note": note,
    }
    yield from common.metrics(shared, record)
    for row in record["per_class"]:
        yield {**shared, "metric": f"sdri/{row['class']}", **row["sdri"]}
    yield {**shared, "metric": "regret", **record["regret"]}
