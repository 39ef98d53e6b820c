"""Tables of numbers [rows, classes] in the formats people keep them in; none of them runs anything."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from earmark.core.errors import UserError
from earmark.core.records import NOT_PARQUET


@dataclass(frozen=True)
class Table:
    """Floating-point values [rows, width]; of .npy and .safetensors, only what is taken is read."""

    rows: int
    width: int
    values: Any

    def take(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Return some rows [len(rows), width]."""
        return np.stack([np.asarray(self.values[row : row + 1][0], dtype=np.float64) for row in rows])


def open_table(path: Path, name: str, where: str) -> Table:
    """Open a table; ``name`` is the array's or column's where there are several.

    Raises:
        UserError: another format, a pickle, no array of that name, not two-dimensional, or not floats.

    """
    refuse_pickle(path, f"{where}.path")
    try:
        values = _values(path, name, f"{where}.name")
    except (SafetensorError, zipfile.BadZipFile, *NOT_PARQUET, EOFError, ValueError) as error:
        if "pickle" in str(error).lower():
            raise UserError(pickled(path, f"{where}.path")) from None
        raise UserError(f"{where}.path: {path} is damaged ({' '.join(str(error).split())[:120]})") from None
    shape, dtype = _shape(values)
    if len(shape) != 2:
        raise UserError(f"{where}.path: {path} is of shape {list(shape)}, [clips, classes] is expected")
    if dtype not in ("float16", "float32", "float64", "F16", "F32", "F64"):
        raise UserError(f"{where}.path: {path} holds {dtype}; logits or probabilities are floats")
    return Table(shape[0], shape[1], values)


def _values(path: Path, name: str, where: str) -> Any:
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return file[_one(name, file.files, where, path)]
    if path.suffix == ".safetensors":
        with safe_open(path, "np") as tensors:
            return tensors.get_slice(_one(name, list(tensors.keys()), where, path))
    if path.suffix == ".parquet":
        known = pq.read_schema(path).names
        if name not in known:
            raise UserError(f"{where}: {path} has no column '{name}'; it has {', '.join(known[:10])}")
        return _rectangle(pq.read_table(path, columns=[name])[name].combine_chunks(), path)
    raise UserError(
        f"{where}: {path.name} is none of .npy, .npz, .safetensors and .parquet; convert it to one of them"
    )


def _one(name: str, known: list[str], where: str, path: Path) -> str:
    """Return the array to read: the one of that name, or the only one."""
    if name in known:
        return name
    if len(known) == 1:
        return known[0]
    raise UserError(f"{where}: {path} has no array '{name}'; it has {', '.join(sorted(known)[:10])}")


def _rectangle(column: Any, path: Path) -> NDArray[np.floating]:
    """Return a column of lists as an array."""
    if not pa.types.is_list(column.type) and not pa.types.is_fixed_size_list(column.type):
        raise UserError(f"{path}: the column is of {column.type}, lists of floats are expected")
    if column.null_count:
        raise UserError(f"{path}: {column.null_count} rows have no list")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if len(column) == 0 or len(flat) % len(column):
        raise UserError(f"{path}: lists of one length each are expected")
    lengths = {len(row) for row in column} if pa.types.is_list(column.type) else {len(flat) // len(column)}
    if len(lengths) != 1:
        raise UserError(f"{path}: lists of one length each are expected, not {sorted(lengths)[:3]}")
    table: NDArray[np.floating] = flat.reshape(len(column), -1)
    return table


def _shape(values: Any) -> tuple[tuple[int, ...], str]:
    if isinstance(values, np.ndarray):
        return values.shape, str(values.dtype)
    return tuple(values.get_shape()), str(values.get_dtype())


def refuse_pickle(path: Path, where: str) -> None:
    """Raise UserError if a file is a pickle by its name or its first byte."""
    with path.open("rb") as stream:
        first = stream.read(1)
    if path.suffix in (".pkl", ".pickle") or (first == b"\x80" and path.suffix not in (".npy", ".npz")):
        raise UserError(pickled(path, where))


def pickled(path: Path, where: str) -> str:
    """Return why a pickle isn't read, and how to convert one."""
    return (
        f"{where}: {path} is a pickle, and reading one can run any code in it; if you trust it, convert it: "
        'python -c \'import json, pickle, sys; json.dump(pickle.load(open(sys.argv[1], "rb")), '
        f'open(sys.argv[2], "w"))\' {path.name} {path.stem}.json'
    )
