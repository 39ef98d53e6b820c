"""Tables of wrong answers: written by a rule of their own, read by the page, with what there was to hear."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.core.records import NOT_PARQUET
from earmark.report.figures import Row

BASE64 = 4 / 3
"""Letters that a byte of sound takes in a page."""


def write(rows: Iterable[Row], output: Path, schema: pa.Schema) -> None:
    """Write the rows as Parquet."""
    with replacing(output) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), partial)


def load(path: Path, schema: pa.Schema) -> list[Row]:
    """Read the rows back; raises UserError if the file isn't what it should be."""
    try:
        table = pq.read_table(path)
    except (OSError, *NOT_PARQUET) as error:
        raise UserError(
            f"{path} is not a table of wrong answers ({error}); delete it to make it again"
        ) from None
    if table.schema.names != schema.names:
        raise UserError(f"{path} is not a table of wrong answers; delete it to make it again")
    found: list[Row] = table.to_pylist()
    return found


def playable(row: Row) -> Row:
    """Return a row with its audio as the text a page can play."""
    return {**row, "audio": "" if row["audio"] is None else base64.b64encode(row["audio"]).decode()}
