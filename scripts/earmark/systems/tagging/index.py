"""The index of a shard of spectrograms: its columns, and how they are read, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from earmark.core.errors import UserError
from earmark.core.records import MANIFEST, NOT_PARQUET, OK, ROW_GROUP

INDEX = pa.schema(
    [
        *MANIFEST,
        pa.field("frames", pa.int32()),
        pa.field("cut", pa.bool_()),
        pa.field("sum", pa.float64()),
        pa.field("sum_squares", pa.float64()),
        pa.field("fbank_offset", pa.int64()),
        pa.field("flac_offset", pa.int64()),
        pa.field("flac_size", pa.int64()),
    ]
)
"""``frames`` of the tensor, ``cut`` if the clip has more; ``sum`` and ``sum_squares`` over its cells as
stored; offsets and sizes in bytes of the safetensors file and of the tar."""

PLACED = ("source_id", "group", "split")


class Entry(NamedTuple):
    """What :func:`earmark.systems.tagging.splits.roles` reads of a clip."""

    source_id: list[str]
    group: str
    split: str


def usable(path: Path, columns: Sequence[str]) -> pa.Table:
    """Return some columns of the clips that can be used; raises UserError if it is no index."""
    try:
        table = pq.read_table(path, columns=["status", *columns])
    except (*NOT_PARQUET, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
    return table.filter(pc.equal(table["status"], OK)).select(list(columns))


def entries(rows: pa.Table) -> Iterator[Entry]:
    """Yield what decides each clip's role, of rows with the columns ``PLACED``."""
    for batch in rows.select(list(PLACED)).to_batches(ROW_GROUP):
        for row in batch.to_pylist():
            yield Entry(**row)
