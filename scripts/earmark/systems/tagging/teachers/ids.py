"""Which row of a table belongs to which clip: a list of ids in order, or ids with their rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from earmark.core.errors import UserError, nearest
from earmark.core.records import NOT_PARQUET
from earmark.systems.tagging.teachers.arrays import pickled, refuse_pickle
from earmark.systems.tagging.teachers.store import Places


def read_places(path: Path, rows: int, id_column: str, row_column: str | None, where: str) -> Places:
    """Return where the ids stand in a table of ``rows`` rows.

    Raises:
        UserError: another format, a pickle, an id twice, a row that isn't there, or a list of another
            length than the table.

    """
    refuse_pickle(path, where)
    if path.suffix in (".npz", ".safetensors"):
        raise UserError(f"{where}: {path.name} holds no ids; give them as .json, .csv, .parquet or .npy")
    try:
        ids, places = _listed(path, id_column, row_column, where)
    except (*NOT_PARQUET, csv.Error, ValueError) as error:
        if "pickle" in str(error).lower():
            raise UserError(pickled(path, where)) from None
        raise UserError(f"{where}: {path} cannot be read ({' '.join(str(error).split())[:120]})") from None
    if places is None:
        if len(ids) != rows:
            raise UserError(f"{where}: {path} lists {len(ids)} ids, and the table has {rows} rows")
        places = range(rows)
    return Places(_inside(ids, places, rows, f"{where}: {path}"), f"{where}: {path}")


def _inside(ids: Iterable[Any], places: Iterable[Any], rows: int, where: str) -> Iterator[tuple[str, int]]:
    """Yield ids and rows; raises UserError for what is no text or no row of the table."""
    for name, place in zip(ids, places, strict=True):
        if not isinstance(name, str) or not name:
            raise UserError(f"{where}: an id is {name!r}, text is expected")
        try:
            number = int(place)
        except (TypeError, ValueError):
            raise UserError(f"{where}: the row of id '{name}' is {place!r}, a number is expected") from None
        if not 0 <= number < rows:
            raise UserError(f"{where}: id '{name}' has row {number}, and the table has {rows}")
        yield name, number


def _listed(
    path: Path, id_column: str, row_column: str | None, where: str
) -> tuple[list[Any], Iterable[Any] | None]:
    """Return ids, and their rows where the file says them."""
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return list(content), list(content.values())
        if isinstance(content, list):
            return content, None
        raise UserError(f"{where}: {path} is neither a list of ids nor an object of id: row")
    if path.suffix == ".npy":
        found = np.load(path, allow_pickle=False)
        if found.dtype.kind not in "US" or found.ndim != 1:
            raise UserError(f"{where}: {path} is of {found.dtype}, a list of text is expected")
        return [str(np.char.decode(i, "utf-8")) if found.dtype.kind == "S" else str(i) for i in found], None
    columns = [id_column, *([row_column] if row_column else [])]
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream, skipinitialspace=True)
            _check_columns(columns, rows.fieldnames or (), path, where)
            listed = [[row[column] for column in columns] for row in rows]
        columns_read: list[list[Any]] = [list(values) for values in zip(*listed)] or [[] for _ in columns]
    elif path.suffix == ".parquet":
        _check_columns(columns, pq.read_schema(path).names, path, where)
        columns_read = [column.to_pylist() for column in pq.read_table(path, columns=columns).columns]
    else:
        raise UserError(f"{where}: {path.name} is none of .json, .csv, .parquet and .npy; convert it")
    return columns_read[0], columns_read[1] if row_column else None


def _check_columns(wanted: list[str], known: Iterable[str], path: Path, where: str) -> None:
    for name in wanted:
        if name not in known:
            raise UserError(f"{where}: {path} has no column '{name}'; {nearest(name, known)}")
