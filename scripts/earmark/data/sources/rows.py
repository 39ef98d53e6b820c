"""Lists of recordings, whatever their form, as rows that stream: CSV, TSV, JSON, JSON Lines, Parquet.

Cells are data and stay what they are: no formula is worked out, no text is cut or changed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.core.records import NOT_PARQUET

DELIMITERS = {".csv": ",", ".tsv": "\t"}
FORMS = (*DELIMITERS, ".json", ".jsonl", ".ndjson", ".parquet")
BATCH = 1000
WHOLE_MB = 10
"""A JSON array can't be read in parts; a larger one is announced."""


@dataclass(frozen=True)
class Row:
    """One row of a list and where it stands: ``line 12``, ``item 3``, ``row 7``."""

    place: str
    cells: Json


def read_rows(path: Path, where: str, encoding: str = "utf-8") -> Iterator[Row]:
    """Yield the rows of a list, the form told by the suffix of its name.

    JSON is an array of objects, or an object whose ``data`` is one; there, labels in one text are
    parted by commas (the form of AST's lists).

    Raises:
        UserError: no such file or form, not readable as that form, other encoding, no rows.

    """
    if not path.is_file():
        siblings = path.parent.iterdir() if path.parent.is_dir() else ()
        lists = [p.name for p in siblings if p.suffix.lower() in FORMS]
        raise UserError(f"{where}: there is no file {path}; {nearest(path.name, lists)}")
    form = path.suffix.lower()
    if form not in FORMS:
        raise UserError(f"{where}: {path}: a list ends in {', '.join(FORMS)}")
    with path.open("rb") as stream:
        if form != ".parquet" and stream.read(2) in (b"\xff\xfe", b"\xfe\xff") and "16" not in encoding:
            raise UserError(f"{where}: {path} is UTF-16; set data.source.encoding to utf-16, or convert it")
    found = False
    try:
        for row in _read(path, form, where, "utf-8-sig" if encoding == "utf-8" else encoding):
            found = True
            yield row
    except UnicodeDecodeError:
        raise UserError(
            f"{where}: {path} is not {encoding} ({_undecodable(path, encoding)}); convert it, or set "
            "data.source.encoding to what it is"
        ) from None
    except LookupError:
        raise UserError(f"data.source.encoding: there is no encoding '{encoding}'") from None
    if not found:
        raise UserError(f"{where}: {path} has no rows")


def _read(path: Path, form: str, where: str, encoding: str) -> Iterator[Row]:
    """Yield the rows of a list of a known form."""
    if form in DELIMITERS:
        yield from _delimited(path, DELIMITERS[form], where, encoding)
    elif form == ".json":
        yield from _json(path, where, encoding)
    elif form == ".parquet":
        yield from _parquet(path, where)
    else:
        with path.open(encoding=encoding) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    place = f"line {number}"
                    yield Row(place, _object(_parsed(line, path, where, place), path, where, place))


def _delimited(path: Path, delimiter: str, where: str, encoding: str) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file with a header."""
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        header: list[str] = []
        line = 1
        try:
            for cells in reader:
                place, line = f"line {line}", reader.line_num + 1
                if not cells:
                    continue
                if not header:
                    header = cells
                    other = next((mark for mark in ";\t|" if mark != delimiter and mark in cells[0]), None)
                    if len(cells) == 1 and other:
                        raise UserError(
                            f"{where}: {path} is parted by {other!r}, not by {delimiter!r}; write it with "
                            f"{delimiter!r} between the cells"
                            + (", or end its name in .tsv" if other == "\t" else "")
                        )
                    if twice := next((name for name in header if header.count(name) > 1), None):
                        raise UserError(f"{where}: {path} has two columns '{twice}'")
                elif len(cells) != len(header):
                    raise UserError(
                        f"{where}: {path}, {place}: {len(cells)} cells under {len(header)} columns"
                    )
                else:
                    yield Row(place, dict(zip(header, cells)))
        except csv.Error as error:
            raise UserError(f"{where}: {path}, line {line} is not readable as a table ({error})") from None


def _json(path: Path, where: str, encoding: str) -> Iterator[Row]:
    """Yield the items of a JSON array."""
    megabytes = path.stat().st_size / 1e6
    if megabytes > WHOLE_MB:
        print(f"{path}: {megabytes:.0f} MB of JSON read whole; as JSON Lines it would stream", flush=True)
    content = _parsed(path.read_text(encoding), path, where, "")
    wrapped = isinstance(content, dict)
    items = content.get("data") if isinstance(content, dict) else content
    if not isinstance(items, list):
        raise UserError(f"{where}: {path} holds no array of items, nor one under 'data'")
    for number, item in enumerate(items):
        cells = _object(item, path, where, f"item {number}")
        if wrapped and isinstance(cells.get("labels"), str):
            cells["labels"] = [label.strip() for label in cells["labels"].split(",") if label.strip()]
        yield Row(f"item {number}", cells)


def _parsed(text: str, path: Path, where: str, place: str) -> Any:
    """Parse JSON, naming the line where it isn't."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{where}: {path}, {place or f'line {error.lineno}'} is not JSON ({error.msg})"
        ) from None
    except RecursionError:
        raise UserError(f"{where}: {path} {place} is nested too deeply") from None
    except ValueError as error:
        # A number of thousands of digits.
        raise UserError(f"{where}: {path} {place} is not readable ({str(error)[:60]})") from None


def _object(item: Any, path: Path, where: str, place: str) -> Json:
    """Return an item that is an object of valid text."""
    if not isinstance(item, dict):
        raise UserError(f"{where}: {path}, {place} is no object with keys")
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: {path}, {place} holds broken Unicode (half a surrogate pair)") from None
    return item


def _parquet(path: Path, where: str) -> Iterator[Row]:
    """Yield the rows of a Parquet file, a batch at a time."""
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            number = 0
            for batch in file.iter_batches(BATCH):
                for cells in batch.to_pylist():
                    yield Row(f"row {number}", cells)
                    number += 1
    except (*NOT_PARQUET, OSError) as error:
        raise UserError(
            f"{where}: {path} is not readable as Parquet ({str(error).splitlines()[0]})"
        ) from None


def _undecodable(path: Path, encoding: str) -> str:
    """Return where the first bytes stand that can't be read as text."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return f"line {number}"
    return "somewhere"
