"""Features as files: one shard's clips, written once, whatever the number of their texts, epochs and runs.

``<shard>.safetensors`` holds the features [frames, width] of every clip, or its audio [samples];
``<shard>.parquet`` what is known of each: its length, what its JSON says, or why it can't be used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from earmark.core.checksums import STATES
from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256
from earmark.core.records import NOT_PARQUET

OPEN = 128
"""Shards that are held open at a time."""
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("seconds", pa.float64()),
        ("frames", pa.int32()),
        ("said", pa.string()),
        ("reason", pa.string()),
        ("encode_s", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Row:
    """A clip of a shard."""

    key: str
    seconds: float
    frames: int
    said: str
    """What its JSON holds."""
    reason: str
    """Why it can't be used; empty where it can."""
    encode_s: float

    @property
    def sample(self) -> dict[str, Any]:
        """What its JSON holds, read."""
        found: dict[str, Any] = json.loads(self.said)
        return found


@dataclass(frozen=True)
class Index:
    """The clips of a shard, in the order of its tar, and what made their features."""

    name: str
    rows: Sequence[Row]
    made: Mapping[str, str]


def write(
    folder: Path, name: str, features: Mapping[str, Tensor], rows: Sequence[Row], made: Mapping[str, str]
) -> None:
    """Write a shard's features, and then their index, which so says that all is whole."""
    index = folder / f"{name}.parquet"
    with replacing(index) as partial:
        index.unlink(missing_ok=True)
        with replacing(folder / f"{name}.safetensors") as states:
            save_file(dict(features), states)
            states.chmod(0o644)
            written = sha256(states)
        table = pa.Table.from_pylist(
            [asdict(row) for row in rows], SCHEMA.with_metadata({**made, STATES: written})
        )
        pq.write_table(table, partial, compression="zstd")


def read(folder: Path, name: str) -> Index:
    """Return the index of a shard; raises UserError if it is missing or damaged."""
    path = folder / f"{name}.parquet"
    try:
        table = pq.read_table(path)
        rows = [Row(**row) for row in table.to_pylist()]
    except (*NOT_PARQUET, OSError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); delete it to make it again") from None
    return Index(name, rows, {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()})


class Features:
    """Reads what is stored of clips by shard and key, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = lru_cache(OPEN)(self._opened)

    def of(self, shard: str, key: str) -> Tensor:
        """Return the features [frames, width] of a clip, or its audio [samples]."""
        stored: Tensor = self._open(shard).get_tensor(key)
        return stored

    def _opened(self, shard: str) -> Any:
        path = self._folder / f"{shard}.safetensors"
        try:
            return safe_open(path, "pt")
        except Exception as error:  # safetensors raises its own type for damage, OSError for absence
            raise UserError(f"{path} cannot be read ({error}); delete it to make it again") from None
