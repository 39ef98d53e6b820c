"""What systems draw their sections from: the summary, and the files behind its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from earmark.core.errors import UserError
from earmark.report.columns import LEFT_OUT, OURS
from earmark.report.figures import Row
from earmark.report.points import points
from earmark.systems.contract import Record

Records = Mapping[str, Record]


@dataclass(frozen=True)
class Material:
    """A summary table, and files that systems asked for by :attr:`~.System.page_files`."""

    table: pd.DataFrame
    files: tuple[Path, ...] = field(default=())
    _read: dict[str, Record] = field(default_factory=dict, init=False, repr=False)
    """The files read so far: every part of a page asks for the same ones."""

    @cached_property
    def points(self) -> list[Row]:
        """One row per listed result."""
        return points(self.table)

    def of(self, system: str, kind: str) -> list[Row]:
        """Return our results of a system's type."""
        return [row for row in self.points if row["ours"] and (row["system"], row["type"]) == (system, kind)]

    def file(self, name: str) -> Path | None:
        """Return a file that was asked for by its name, if it was given."""
        return next((path for path in self.files if path.name == name), None)

    def records(self, system: str | None = None, kind: str | None = None) -> dict[str, Record]:
        """Return the files behind our rows of a system (all, if None) and type, by path.

        Raises:
            UserError: a file is gone or has changed since the summary was made.

        """
        ours = self.table[(self.table["source"] == OURS) & (self.table["system"] != LEFT_OUT)]
        ours = ours[ours["result"].notna()]  # a mean over tasks is of no one file
        if system is not None:
            ours = ours[(ours["system"] == system) & (ours["type"] == kind)]
        pairs = sorted(set(zip(ours["result"], ours["digest"], strict=True)))
        for path, digest in pairs:
            if path not in self._read:
                self._read[path] = _content(path, digest)
        return {path: self._read[path] for path, _ in pairs}


def _content(path: str, digest: str) -> Record:
    try:
        content = Path(path).read_bytes()
    except OSError:
        raise UserError(f"{path} is gone since the summary was made; run summarize.py again") from None
    if hashlib.sha256(content).hexdigest()[:16] != digest:
        raise UserError(f"{path} has changed since the summary was made; run summarize.py again")
    found: Record = json.loads(content)
    return found
