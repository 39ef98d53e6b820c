"""Encoder features as files: one shard of states and its index, written once, read by every method.

The index is the shard's manifest with, per clip, the number of tokens and the seconds spent on
loading, mel and encoding.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256
from earmark.core.records import MANIFEST, NOT_PARQUET, Clip

T = TypeVar("T")

SCORE = "//"
"""Between a clip's key and the name of a score of its tokens."""

INDEX = pa.schema(
    [
        *MANIFEST,
        pa.field("tokens", pa.int32()),
        pa.field("load_s", pa.float64()),
        pa.field("mel_s", pa.float64()),
        pa.field("encode_s", pa.float64()),
    ]
)


@dataclass
class FeatureRow:
    """A clip, how many encoder states it became, and the seconds that took."""

    clip: Clip
    tokens: int
    load_s: float
    mel_s: float
    encode_s: float


def write_index(path: Path, rows: Iterable[FeatureRow], metadata: dict[str, str]) -> None:
    """Write the index of a feature shard, by rename; ``metadata`` says what made it."""
    flat = [
        asdict(row.clip)
        | {"tokens": row.tokens, "load_s": row.load_s, "mel_s": row.mel_s, "encode_s": row.encode_s}
        for row in rows
    ]
    table = pa.Table.from_pylist(flat, schema=INDEX.with_metadata(metadata))
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_index(path: Path, per_token: int = 1) -> tuple[list[FeatureRow], dict[str, str]]:
    """Read an index and its metadata; ``per_token`` stored states make one token, of which none is left out.

    Raises:
        UserError: it isn't one.

    """
    try:
        table = pq.read_table(path)
    except (*NOT_PARQUET, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    rows = []
    for flat in table.to_pylist():
        own = {name: flat.pop(name) for name in ("tokens", "load_s", "mel_s", "encode_s")}
        if own["tokens"]:
            own["tokens"] = max(1, own["tokens"] // per_token)
        rows.append(FeatureRow(Clip.from_row(flat), **own))
    return rows, metadata


def check_states(shards: Sequence[Path], made: Iterable[Mapping[str, str]]) -> None:
    """Check that feature shards are those of their indexes, whose metadata ``made`` is, in the same order.

    Raises:
        UserError: a byte of one has changed since.

    """
    for path, metadata in zip(shards, made, strict=True):
        if metadata.get("states_sha256", "") not in ("", sha256(path)):
            raise UserError(
                f"{path} is no longer the file its index was written with (another checksum); delete both to "
                "make them again"
            )


def clips_digest(rows: Iterable[FeatureRow]) -> str:
    """Return a digest of which clips these are, of what audio, labels and text, and how long in tokens.

    Unlike the checksum of an index it is the same wherever and however fast the clips were encoded.
    """
    digest = hashlib.sha256()
    for row in rows:
        clip = row.clip
        said = [clip.clip_id, clip.key, clip.sha256, clip.status, clip.labels, clip.options, clip.text]
        digest.update(json.dumps([*said, clip.group, row.tokens], sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def scores_key(key: str, score: str) -> str:
    """Return the name in a feature shard of a score of a clip's tokens."""
    return f"{key}{SCORE}{score}"


class FeatureStore:
    """Reads states by clip key from the feature shards of one split, memory-mapped.

    ``per_token`` stored states belong to one audio token.
    """

    def __init__(self, shards: Sequence[Path], per_token: int = 1) -> None:
        self._per_token = per_token
        self._files = []
        self._place: dict[str, int] = {}
        for number, path in enumerate(shards):
            try:
                file = safe_open(path, "pt")
            except Exception as error:  # safetensors raises its own type for damage, OSError for absence
                raise UserError(f"{path} cannot be read ({error}); delete it to make it again") from None
            self._files.append(file)
            self._place.update(dict.fromkeys(file.keys(), number))

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.clear()

    def states(self, key: str, start: int, end: int) -> Tensor:
        """Return the states [(end - start) * per_token, width] of a clip's tokens ``start`` to ``end``."""
        stored = slice(start * self._per_token, end * self._per_token)
        rows: Tensor = self._files[self._place[key]].get_slice(key)[stored]
        return rows

    def scores(self, key: str, name: str, start: int, end: int) -> Tensor:
        """Return a score of a clip's tokens ``start`` to ``end``, [tokens] or [tokens, dim].

        Where several stored states belong to one token, it is their mean.

        Raises:
            UserError: the shard has none of that name.

        """
        stored = scores_key(key, name)
        if stored not in self._place:
            raise UserError(
                f"the features of {key} have no '{name}' of the encoder: they are older than the method that "
                "asks for it, or their encoder doesn't tell; delete them to make them again"
            )
        rows = slice(start * self._per_token, end * self._per_token)
        values: Tensor = self._files[self._place[stored]].get_slice(stored)[rows]
        return values.float().unflatten(0, (-1, self._per_token)).mean(1)


def timed(items: Iterable[T]) -> Iterator[tuple[T, float]]:
    """Yield each item with the seconds it took to produce."""
    iterator = iter(items)
    while True:
        start = time.perf_counter()
        try:
            item = next(iterator)
        except StopIteration:
            return
        yield item, time.perf_counter() - start
