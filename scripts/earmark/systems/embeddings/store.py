"""Embeddings on disk: safetensors shards with a Parquet index each, read by clip id.

    with EmbeddingStore(Path("embeddings/demo/gtzan/encoder")) as store:
        vector = store["clip id"]

A folder holds one layer of one model on one task, pooled in one way: the indexes, so that
``pandas.read_parquet`` reads the folder, and below them, in ``_states``, the shards. A clip's states are one
tensor under its key, [rows, width] or, pooled, [width]; tensors are written one by one as they are made, so
memory holds a batch and never a shard. Pooled vectors stand in the index too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from earmark.core.checksums import verify
from earmark.core.errors import UserError, nearest
from earmark.core.files import Json, replacing
from earmark.core.records import NOT_PARQUET
from earmark.systems.embeddings.config import STATES_FOLDER

SEGMENT = pa.struct(
    [
        ("kind", pa.string()),
        ("window", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
    ]
)
INDEX = pa.schema(
    [
        ("clip_id", pa.string()),
        ("key", pa.string()),
        ("source_id", pa.list_(pa.string())),
        ("labels", pa.list_(pa.string())),
        ("label", pa.string()),
        ("split", pa.string()),
        ("duration_s", pa.float64()),
        ("layer", pa.string()),
        ("pooling", pa.string()),
        ("span", pa.string()),
        ("norm", pa.string()),
        ("frames_per_second", pa.float64()),
        ("shape", pa.list_(pa.int32())),
        ("dtype", pa.string()),
        ("windows", pa.int32()),
        ("segments", pa.list_(SEGMENT)),
        ("vector", pa.list_(pa.float32())),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Segment:
    """A stretch of rows: text or audio tokens of a window.

    ``start`` and ``end`` are rows of what ``pooling: none`` stores (of what was pooled, otherwise);
    ``start_s`` and ``end_s`` seconds of the clip for audio, None for text.
    """

    kind: str
    window: int
    start: int
    end: int
    start_s: float | None = None
    end_s: float | None = None


@dataclass
class EmbeddingRow:
    """One row of an index; ``label`` is the first of ``labels``. A failed clip keeps its reason."""

    clip_id: str
    key: str
    source_id: list[str]
    labels: list[str]
    split: str
    duration_s: float
    layer: str
    pooling: str
    span: str
    norm: str
    frames_per_second: float | None
    dtype: str
    shape: list[int] = field(default_factory=list)
    windows: int = 0
    segments: list[Segment] = field(default_factory=list)
    vector: list[float] | None = None
    status: str = "ok"
    reason: str = ""

    @property
    def label(self) -> str:
        """The first label, what a probe predicts."""
        return self.labels[0] if self.labels else ""


def write_index(path: Path, rows: Sequence[EmbeddingRow], metadata: dict[str, str]) -> None:
    """Write an index, by rename; ``metadata`` says what made it."""
    flat = [asdict(row) | {"label": row.label} for row in rows]
    table = pa.Table.from_pylist(flat, schema=INDEX.with_metadata(metadata))
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd", write_page_checksum=True)


class EmbeddingStore:
    """Reads one layer's embeddings by clip id, memory-mapped; a folder, or some splits of it.

    A shard is compared with its checksum when its first clip is read, about a second for a gigabyte;
    ``verified=False`` leaves that out.

    Raises:
        UserError: the folder holds no embeddings, or a shard is damaged.

    """

    def __init__(self, folder: Path | str, split: str = "*", verified: bool = True) -> None:
        self.folder, self._verified = Path(folder), verified
        indexes = sorted(self.folder.glob(f"{split}-*-of-*.parquet"))
        if not indexes:
            raise UserError(f"{self.folder} holds no embeddings of split '{split}'")
        self._stack = ExitStack()
        self._files: dict[Path, Any] = {}
        self._place: dict[str, tuple[Path, Json]] = {}
        for index in indexes:
            try:
                rows = pq.read_table(index, schema=INDEX, page_checksum_verification=True).to_pylist()
            except (*NOT_PARQUET, OSError, KeyError) as error:
                raise UserError(f"{index} is damaged ({error}); delete it to make it again") from None
            shard = self.folder / STATES_FOLDER / f"{index.stem}.safetensors"
            self._place.update({row["clip_id"]: (shard, row) for row in rows if row["status"] == "ok"})

    def __enter__(self) -> EmbeddingStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.clear()
        self._stack.close()

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self._place

    def __getitem__(self, clip_id: str) -> Tensor:
        """Return the states [rows, width] of a clip, or its vector [width] where they were pooled."""
        row = self.row(clip_id)
        shard = self._place[clip_id][0]
        if shard not in self._files:
            if self._verified:
                verify([shard], [self.folder / f"{shard.stem}.parquet"])
            try:
                self._files[shard] = self._stack.enter_context(safe_open(shard, "pt"))
            except (SafetensorError, OSError) as error:
                raise UserError(f"{shard} cannot be read ({error}); delete it to make it again") from None
        states: Tensor = self._files[shard].get_tensor(row["key"])
        return states

    def row(self, clip_id: str) -> Json:
        """Return a clip's row of the index.

        Raises:
            UserError: there is no such clip; names the nearest.

        """
        if clip_id not in self._place:
            raise UserError(
                f"{self.folder}: no clip '{clip_id}'; {nearest(clip_id, list(self._place)[:1000])}"
            )
        return self._place[clip_id][1]

    def rows(self) -> list[Json]:
        """Return the index rows of all usable clips, in the order of iteration."""
        return [row for _, row in self._place.values()]

    def vectors(self) -> tuple[NDArray[np.float32], list[Json]]:
        """Return all pooled vectors [clips, width] and the index row of each.

        Raises:
            UserError: this layer was stored without pooling.

        """
        rows = self.rows()
        if any(row["vector"] is None for row in rows):
            raise UserError(
                f"{self.folder} holds states, not one vector a clip; set pooling to mean, last or masked_mean"
            )
        return np.asarray([row["vector"] for row in rows], dtype=np.float32), rows
