"""The folder of a cell in progress: its answers so far, or its finished files until its own job takes them.

A job that has the model loaded answers other cells of the grid along with its own. What it finishes
for them waits in their folders, under the digest of what was asked; their own jobs only move it to
where Snakemake expects it. A cell that is asked alone goes through the same lines.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.files import Json, write_json
from earmark.core.given import given
from earmark.core.jsonl import write_jsonl
from earmark.systems.pruning.cell import Cell

ALONE = "alone"
"""In place of the list of cells: this one has nobody to share a pass with."""


@dataclass(frozen=True)
class Workplace:
    """The folder of one cell, held by this process."""

    folder: Path
    cell: Cell
    key: str
    """What identifies the rows: the digest of the cell and its inputs."""

    @property
    def journal(self) -> Path:
        """The rows answered so far, one JSON line each."""
        return self.folder / f"{self.key}.jsonl"

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.key}.record.json"

    @property
    def _rows(self) -> Path:
        return self.folder / f"{self.key}.rows.jsonl"

    @property
    def finished(self) -> bool:
        """Whether all is done but for moving the files."""
        return _answers(self._record, self._rows, self.key)

    def clear(self) -> None:
        """Forget what other settings, other code or other inputs left here."""
        for path in self.folder.glob("*.json*"):
            if not path.name.startswith(self.key):
                path.unlink()

    def finish(self, record: Json, rows: Sequence[Json]) -> None:
        """Keep the answers; the record comes last and says that they are whole."""
        write_jsonl(self._rows, rows)
        write_json(self._record, record)

    def deliver(self, output: Path) -> None:
        """Move the finished files to ``output`` and its rows beside it; the folder goes."""
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self._rows, output.with_suffix(".jsonl"))
        shutil.move(self._record, output)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Fellow:
    """Another cell of this run that asks the same model the same questions."""

    cell: Cell
    output: Path
    work: Path

    def needs_answers(self, key: str) -> bool:
        """Whether its answers are missing, damaged or answer something else."""
        return not _answers(self.output, self.output.with_suffix(".jsonl"), key)


def _answers(record: Path, rows: Path, key: str) -> bool:
    """Whether answers are there and answer what ``key`` stands for."""
    try:
        return bool(rows.is_file() and json.loads(record.read_text())["provenance"]["cell"] == key)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_fellows(grid: str, cell: Cell) -> tuple[list[Fellow], int]:
    """Return the cells that share ``cell``'s run, and how many jobs run side by side.

    ``grid`` is the option's value: a list of the cells that the workflow was asked for, or :data:`ALONE`.
    """
    if grid == ALONE:
        return [], 1
    content = given(grid)
    cells = [
        Fellow(Cell.parse(entry["settings"], entry["code"]), Path(entry["output"]), Path(entry["work"]))
        for entry in content["cells"]
    ]
    return [f for f in cells if f.cell != cell and f.cell.shares_a_run_with(cell)], content["jobs"]
