"""Teachers of kind table: logits that were computed elsewhere, one row a clip, joined by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.systems.tagging.teachers import request
from earmark.systems.tagging.teachers.arrays import Table, open_table
from earmark.systems.tagging.teachers.classes import named
from earmark.systems.tagging.teachers.contract import Made, Making, Record, cut
from earmark.systems.tagging.teachers.ids import read_places
from earmark.systems.tagging.teachers.store import Places
from earmark.systems.tagging.teachers.table_options import Options


def make(making: Making) -> Made:
    """Open the table and its ids once, to see that they fit.

    Raises:
        UserError: a file is missing, of an unknown kind, a pickle, or of another number of rows or classes.

    """
    asked, where = making.asked, making.where
    options = Options.read(asked.options, f"{where}: options")
    if options.ids is None and not options.path.endswith(".parquet"):
        raise UserError(f"{where}: options.ids: only a .parquet has its ids in a column; give a file of them")
    paths = [Path(each).expanduser() for each in (options.path, options.ids) if each]
    for path in paths:
        if not path.is_file():
            raise UserError(request.missing(asked.name, str(path)))
    table, places = _opened(paths, cut(asked.options, Columns), f"{where}: options")
    classes = named(asked.classes, making.classes.names, where)
    if table.width != len(classes):
        raise UserError(
            f"{where}: {paths[0]} has {table.width} columns, and the teacher {len(classes)} classes"
        )
    print(f"{paths[0].name}: {table.rows} rows, {len(places)} ids", flush=True)
    return Made(
        classes=classes,
        files=paths,
        origin={"table": paths[0].name, "rows": table.rows, "ids": len(places)},
        sample_rate=None,
        seconds=None,
        front_end={"values": options.values, "tagging": asked.tagging},
    )


def load(record: Record, device: torch.device) -> Lookup:
    """Return the teacher of a record; raises UserError as :func:`make`."""
    options = record.options
    table, places = _opened(record.paths, cut(options, Columns), f"{record.where}: options")
    probabilities = options["values"] == "probabilities"
    single = record.front_end["tagging"] == "single_label"
    return Lookup(table, places, options["join"], options["clamp"] if probabilities else None, single)


@dataclass(frozen=True)
class Columns:
    """The options that say where in the files rows and ids are."""

    name: str
    id_column: str
    row_column: str | None


def _opened(paths: Sequence[Path], columns: Columns, where: str) -> tuple[Table, Places]:
    table = open_table(paths[0], columns.name, where)
    places = read_places(paths[-1], table.rows, columns.id_column, columns.row_column, f"{where}.ids")
    return table, places


class Lookup:
    """Rows of a table by clip or recording; ``clamp`` is None for logits."""

    sample_rate: int | None = None
    seconds: float | None = None

    def __init__(
        self, table: Table, places: Places, join: str, clamp: float | None, single_label: bool = False
    ) -> None:
        self._table, self._places, self._join = table, places, join
        self._clamp, self._single = clamp, single_label

    def refuses(self, clip: Clip) -> str:
        """Return ``not in the table`` where it has no row for a clip."""
        return "" if self._place(clip) is not None else "not in the table"

    def logits(self, clips: Sequence[Clip], waves: Sequence[NDArray[np.float32]]) -> Tensor:
        """Return float32 [clips, classes]; raises UserError for a probability outside [0, 1]."""
        rows = self._table.take([self._place(clip) or 0 for clip in clips])
        if self._clamp is not None:
            for clip, row in zip(clips, rows):
                if (row < 0).any() or (row > 1).any():
                    raise UserError(
                        f"the table's row of clip '{clip.clip_id}' has the value "
                        f"{row[(row < 0) | (row > 1)][0]:g}, which is no probability; "
                        "set options.values to logits if that is what it holds"
                    )
            rows = np.clip(rows, self._clamp, 1 - self._clamp)
            # One of several classes: a softmax is undone by the logarithm, up to a constant.
            rows = np.log(rows) if self._single else np.log(rows) - np.log1p(-rows)
        return torch.from_numpy(rows.astype(np.float32))

    def _place(self, clip: Clip) -> int | None:
        if self._join == "clip_id":
            return self._places.get(clip.clip_id)
        return self._places.get(clip.source_id[0]) if len(clip.source_id) == 1 else None
