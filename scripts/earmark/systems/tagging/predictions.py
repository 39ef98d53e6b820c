"""What a trained student says of the test clips of a run: logits, a row per clip, and how they were made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from earmark.core.errors import UserError
from earmark.core.files import replacing, write_json
from earmark.core.records import NOT_PARQUET, OK

FORMAT = "earmark/tagging-predictions/1"
ROWS = pa.schema(
    [
        ("clip_id", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("cut", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Predictions:
    """One run's: ``rows`` as in :data:`ROWS`, ``logits`` [rows, classes], NaN in rows that failed.

    ``record`` says what was asked and what produced them.
    """

    rows: list[dict[str, Any]]
    logits: NDArray[np.float32]
    record: dict[str, Any]

    @property
    def scored(self) -> list[int]:
        """The rows that have logits."""
        return [i for i, row in enumerate(self.rows) if row["status"] == OK]


def write(path: Path, found: Predictions) -> None:
    """Write predictions as ``path`` (JSON), its rows (Parquet) and logits (safetensors) beside it."""
    with replacing(path.with_suffix(".safetensors")) as partial:
        save_file({"logits": np.ascontiguousarray(found.logits)}, partial)
    with replacing(path.with_suffix(".parquet")) as partial:
        pq.write_table(pa.Table.from_pylist(found.rows, schema=ROWS), partial, compression="zstd")
    write_json(path, {"schema": FORMAT, **found.record})


def read(path: Path) -> Predictions:
    """Read what :func:`write` wrote; raises UserError if a file is missing, damaged or of other clips."""
    try:
        record = json.loads(path.read_text())
        rows = pq.read_table(path.with_suffix(".parquet"), schema=ROWS).to_pylist()
        logits: NDArray[np.float32] = load_file(path.with_suffix(".safetensors"))["logits"]
        if record["schema"] != FORMAT or logits.ndim != 2 or len(logits) != len(rows):
            raise ValueError(f"{len(rows)} rows, logits {list(logits.shape)}, schema {record['schema']}")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, *NOT_PARQUET) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path}: the predictions there are incomplete or damaged ({reason}); delete {path} to make "
            "them again"
        ) from None
    return Predictions(rows, logits, record)


def check_classes(found: Sequence[Predictions], classes: Sequence[str]) -> None:
    """Check that predictions are of these classes; raises UserError if their number is another."""
    for each in found:
        if each.logits.shape[1] != len(classes):
            raise UserError(
                f"predictions of run {each.record['fold']}-{each.record['train_seed']} are of "
                f"{each.logits.shape[1]} classes, the task has {len(classes)}; delete them to make them again"
            )
