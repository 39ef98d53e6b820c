"""What the summary keeps of a result file; comparisons go over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from earmark.core.files import Json
from earmark.systems.contract import Row

VALUES = ("value", "low", "high", "interval", "n", "p_value")


@dataclass
class Known:
    """A result file: its rows, and what its type says :attr:`~.ResultType.about` it."""

    path: Path
    digest: str
    samples: str
    """Digest of the rows beside it; empty where there are none."""

    rows: list[Row]
    about: Json = field(default_factory=dict)

    @property
    def of(self) -> tuple[str, str]:
        """System and type."""
        return self.rows[0]["system"], self.rows[0].get("type", "")

    def compared(self, found: Row) -> Row:
        """Return a row of a comparison: settings as in the file's other rows, values as ``found``."""
        return {**self.rows[0], **dict.fromkeys(VALUES), **found}
