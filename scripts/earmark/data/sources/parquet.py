"""Parquet files that hold the audio itself, as data sets on the hub mostly do.

The audio column holds bytes, or a struct of ``bytes`` and ``path`` (which only gives the suffix).
Integer labels get their names from the ``huggingface`` metadata of the file where it has them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from earmark.config.sources.parquet import Source
from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.core.records import NOT_PARQUET, Clip
from earmark.data.sources.archives import Refused, Store, recordings
from earmark.data.sources.patterns import wanted_of
from earmark.data.sources.recordings import label_problem, label_text, shown

BATCH = 16
"""Rows read at a time: a row is a whole recording."""

ROLES = ("label", "text", "id", "source", "group", "licence", "options")


def wanted(settings: Source) -> list[str]:
    """Return which files of a hub data set are needed."""
    return wanted_of(settings.splits)


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per row of the Parquet files of each split, the audio unpacked below ``folder``.

    Raises:
        UserError: a pattern matches nothing, a column is missing or holds no audio, a file is damaged
            or over its limits.

    """
    columns = {role: name for role, name in settings.columns.plain().items() if name is not None}
    read_with = {"audio": settings.audio_column, "columns": columns}
    unpack = partial(_unpack, settings.audio_column, columns)
    yield from recordings(settings, folder, threads, read_with, unpack, partial(_describe, settings))


def _describe(settings: Source, row: Json, clip: Clip) -> None:
    """Put what a row says into its clip."""
    cells: dict[str, list[str]] = row["cells"]
    separator = settings.label_separator
    clip.labels = cells.get("label", [])
    if separator:
        parts = [part.strip() for label in clip.labels for part in label.split(separator)]
        clip.labels = [part for part in parts if part]
    clip.text, clip.group = "\n".join(cells.get("text", [])), "".join(cells.get("group", []))
    clip.options = cells.get("options", [])
    clip.licence = "".join(cells.get("licence", [])) or clip.licence
    clip.source_id = cells.get("source", [])[:1] or clip.source_id
    if settings.columns.label and not clip.labels:
        clip.fail("no label")


def _unpack(audio: str, columns: dict[str, str], path: Path, store: Store) -> Iterator[Json]:
    """Read a Parquet file in small batches and keep its recordings."""
    number = 0
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            schema = file.schema_arrow
            _check_columns(path, schema, audio, columns)
            names = _class_names(schema)
            for batch in file.iter_batches(BATCH, columns=[audio, *columns.values()]):
                for cells in batch.to_pylist():
                    yield _row(number, cells, audio, columns, names, store)
                    number += 1
    except (*NOT_PARQUET, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(
            f"data.source.splits: {path} is damaged ({str(error).splitlines()[0][:100]}); get it again"
        ) from None


def _row(
    number: int,
    cells: Json,
    audio: str,
    columns: dict[str, str],
    names: dict[str, list[str]],
    store: Store,
) -> Json:
    """Keep one recording and return what is listed of it."""
    row: Json = {"key": f"{number:07d}", "cells": {}}
    try:
        found = {role: _texts(cells[column], names.get(column)) for role, column in columns.items()}
    except Refused as refused:
        return row | {"reason": str(refused)}
    row["cells"], row["key"] = found, shown("".join(found.get("id", [])) or row["key"])
    held = cells[audio]
    content, name = (held.get("bytes"), held.get("path")) if isinstance(held, dict) else (held, None)
    try:
        if not content:
            raise Refused("no audio bytes")
        store.admit(len(content))
        row["file"] = store.keep(io.BytesIO(content), PurePosixPath(name or "").name)
    except Refused as refused:
        row["reason"] = str(refused)
    return row


def _texts(value: Any, names: list[str] | None) -> list[str]:
    """Return a cell as texts; a class number as its name, and none for a number that has no name."""
    values = value if isinstance(value, list) else [value]
    if names is not None:
        return [names[v] for v in values if isinstance(v, int) and 0 <= v < len(names)]
    texts = [v for v in values if v is not None and v not in ("", b"")]
    for each in texts:
        if problem := label_problem(each):
            raise Refused(f"bad metadata ({problem})")
    return [label_text(each) for each in texts]


def _check_columns(path: Path, schema: pa.Schema, audio: str, columns: dict[str, str]) -> None:
    """Refuse a column that isn't there, and an audio column that holds no bytes."""
    keys = {"audio_column": audio, **{f"columns.{role}": column for role, column in columns.items()}}
    for key, column in keys.items():
        if column not in schema.names:
            raise UserError(
                f"data.source.{key}: {path} has no column '{column}'; {nearest(column, schema.names)}"
            )
    for role, column in columns.items():
        if pa.types.is_struct(kind := schema.field(column).type):
            inner = ", ".join(kind.field(i).name for i in range(kind.num_fields))
            raise UserError(
                f"data.source.columns.{role}: '{column}' of {path} is a struct of {inner}; write the one "
                "that is wanted as a column of text"
            )
    kind = schema.field(audio).type
    if pa.types.is_struct(kind) and "bytes" in {kind.field(i).name for i in range(kind.num_fields)}:
        kind = kind.field("bytes").type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise UserError(
            f"data.source.audio_column: {path}: '{audio}' is {kind}, not bytes or a struct with bytes"
        )


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names behind class numbers, by column, as the ``datasets`` library stores them."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        found = {column: _names(feature) for column, feature in features.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    return {column: names for column, names in found.items() if names is not None}


def _names(feature: Any) -> list[str] | None:
    """Return the class names of a feature or of what a list of it holds."""
    while isinstance(feature, list) and feature:
        feature = feature[0]
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return _names(feature["feature"]) if "feature" in feature else None
