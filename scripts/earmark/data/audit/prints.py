"""The fingerprints of packed clips: made for an audit alone, and kept in files of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.core.progress import tqdm
from earmark.core.records import NOT_PARQUET, ROW_GROUP

SCHEMA = pa.schema([("print", pa.binary()), ("shard", pa.string()), ("key", pa.string())])
Row = tuple[bytes, str, str]
"""Fingerprint, shard and key of a clip."""


def write(rows: Iterable[Row], output: Path) -> None:
    """Write a file as the rows come, by rename."""
    left = iter(rows)
    with replacing(output) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(left, ROW_GROUP)):
            writer.write_table(pa.table(list(zip(*batch, strict=True)), schema=SCHEMA))


def load(connection: sqlite3.Connection, paths: Iterable[Path]) -> None:
    """Put down what is heard of the clips of a database (:mod:`earmark.data.audit.store`).

    Raises:
        UserError: a file is missing or damaged.

    """
    connection.execute("CREATE INDEX by_member ON clips (shard, key)")
    connection.execute("BEGIN")
    for path in tqdm(list(paths), desc="reading fingerprints", unit="file"):
        # A quiet recording is not silence: what has a fingerprint is heard.
        connection.executemany(
            "UPDATE clips SET print = ?1, silent = silent AND NOT length(?1) WHERE shard = ?2 AND key = ?3",
            _read(path),
        )
    connection.execute("COMMIT")


def _read(path: Path) -> Iterator[Row]:
    """Yield what a file holds."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=SCHEMA.names):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; make it with: snakemake {path}") from None
    except NOT_PARQUET as error:
        raise UserError(f"{path} holds no fingerprints ({error}); delete it to make it again") from None
