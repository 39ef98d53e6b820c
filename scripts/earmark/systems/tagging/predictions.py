"""What a trained student says of the test clips of a run: logits, a row per clip, and how they were made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from earmark.core.errors import UserError
from earmark.core.files import Json, replacing, write_json
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
class Row:
    """A test clip; ``reason``: why it has no logits; ``cut``: the student heard only its beginning."""

    clip_id: str
    labels: list[str]
    status: str
    reason: str
    cut: bool

    @property
    def ok(self) -> bool:
        """Whether it has logits."""
        return self.status == OK


@dataclass(frozen=True)
class Counts:
    """The test clips, and those of all shards that were looked through for them."""

    tested: int
    considered: int


@dataclass(frozen=True)
class Merging:
    """What merging came to: ``asked`` and ``merged`` per layer, ``tokens`` into each and out of the last."""

    proportional: bool
    asked: list[int]
    merged: list[int]
    tokens: list[int]
    clamped_layers: list[int]
    warning: str | None


@dataclass(frozen=True)
class Record:
    """What was asked for, and what produced the predictions.

    ``student`` is the SHA-256 of its weights, ``code`` the digest of the code.
    """

    task: str
    fold: str
    train_seed: int
    r: str
    clips: Counts
    merging: Merging
    student: str
    data: Json
    batch: int
    device: str
    threads: int
    code: str
    provenance: Json

    @classmethod
    def of(cls, content: Json) -> Record:
        """Return the record that JSON holds; raises KeyError or TypeError for other keys."""
        nested = {"clips": Counts(**content["clips"]), "merging": Merging(**content["merging"])}
        return cls(**(content | nested))

    @property
    def run(self) -> str:
        """The training behind it, as files are called."""
        return f"{self.fold}-{self.train_seed}"


@dataclass(frozen=True)
class Predictions:
    """One run's: a row per test clip, ``logits`` [rows, classes], NaN in rows that failed."""

    rows: list[Row]
    logits: NDArray[np.float32]
    record: Record

    @property
    def scored(self) -> list[int]:
        """The rows that have logits."""
        return [i for i, row in enumerate(self.rows) if row.ok]


def write(path: Path, found: Predictions) -> None:
    """Write predictions as ``path`` (JSON), its rows (Parquet) and logits (safetensors) beside it."""
    with replacing(path.with_suffix(".safetensors")) as partial:
        save_file({"logits": np.ascontiguousarray(found.logits)}, partial)
    with replacing(path.with_suffix(".parquet")) as partial:
        pq.write_table(
            pa.Table.from_pylist([vars(row) for row in found.rows], schema=ROWS),
            partial,
            compression="zstd",
        )
    write_json(path, {"schema": FORMAT, **asdict(found.record)})


def read(path: Path) -> Predictions:
    """Read what :func:`write` wrote; raises UserError if a file is missing, damaged or of other clips."""
    try:
        content = json.loads(path.read_text())
        schema = content.pop("schema")
        rows = pq.read_table(path.with_suffix(".parquet"), schema=ROWS).to_pylist()
        logits: NDArray[np.float32] = load_file(path.with_suffix(".safetensors"))["logits"]
        if schema != FORMAT or logits.ndim != 2 or len(logits) != len(rows):
            raise ValueError(f"{len(rows)} rows, logits {list(logits.shape)}, schema {schema}")
        return Predictions([Row(**row) for row in rows], logits, Record.of(content))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, *NOT_PARQUET) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path}: the predictions there are incomplete or damaged ({reason}); delete {path} to make "
            "them again"
        ) from None


def check_classes(found: Sequence[Predictions], classes: Sequence[str]) -> None:
    """Check that predictions are of these classes; raises UserError if their number is another."""
    for each in found:
        if each.logits.shape[1] != len(classes):
            raise UserError(
                f"predictions of run {each.record.run} are of "
                f"{each.logits.shape[1]} classes, the task has {len(classes)}; delete them to make them again"
            )
