"""What a result of tagging shows beside its score: recipe and merging."""

from __future__ import annotations

from earmark.report.figures import Cell, Row
from earmark.systems.tagging.request import merged


def point(row: Row) -> None:
    """Add to a result's row its settings as cells and in words."""
    row["settings"] |= {
        "recipe": Cell(row["recipe"], hover=row["note"] or ""),
        "r": Cell(row["r"], merged(row["r"])),
    }
    row["run"] = f"{row['recipe']} r {row['r']}"
