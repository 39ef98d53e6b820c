"""Encoder features as files: one shard of states and its index, written once, read by every method.

The index is the shard's manifest with the number of tokens of every clip. Where its recordings lay is left to
the manifest, and the seconds spent on loading, mel and encoding lie in a file of their own beside it, so that
equal clips and states are equal files, wherever and however fast they were made.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import LARGE, replacing, sha256, write_json
from earmark.core.progress import tqdm
from earmark.core.records import MANIFEST, NOT_PARQUET, Clip

T = TypeVar("T")
STAGES = ("load_s", "mel_s", "encode_s")

SCORE = "//"
"""Between a clip's key and the name of a score of its tokens."""

INDEX = pa.schema(
    [
        *MANIFEST,
        pa.field("tokens", pa.int32()),
    ]
)


@dataclass
class FeatureRow:
    """A clip, how many encoder states it became, and the seconds that took."""

    clip: Clip
    tokens: int
    load_s: float = 0.0
    mel_s: float = 0.0
    encode_s: float = 0.0

    def counted(self, per_token: int) -> FeatureRow:
        """Return the row with ``per_token`` states counted as one token, of which none is left out."""
        return replace(self, tokens=max(1, self.tokens // per_token)) if self.tokens else self


def write_index(path: Path, rows: Iterable[FeatureRow], metadata: dict[str, str]) -> None:
    """Write the index of a feature shard, by rename, without the paths of its recordings.

    ``metadata`` says what made it.
    """
    flat = [asdict(row.clip) | {"parts": [], "tokens": row.tokens} for row in rows]
    table = pa.Table.from_pylist(flat, schema=INDEX.with_metadata(metadata))
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def times_of(index: Path) -> Path:
    """Return the file beside an index that says how long its clips took."""
    return index.with_suffix(".times.json")


def write_times(path: Path, rows: Iterable[FeatureRow]) -> None:
    """Write the seconds that every clip's stages took, by key, by rename."""
    write_json(path, {row.clip.key: {stage: getattr(row, stage) for stage in STAGES} for row in rows})


def read_times(path: Path, rows: Iterable[FeatureRow]) -> None:
    """Read the seconds of every clip into its row.

    Raises:
        UserError: the file is missing, damaged or of other clips.

    """
    try:
        seconds = json.loads(path.read_text(encoding="utf-8"))
        for row in rows:
            for stage in STAGES:
                setattr(row, stage, float(seconds[row.clip.key][stage]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete it to make it again") from None


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
        tokens = flat.pop("tokens")
        rows.append(FeatureRow(Clip.from_row(flat), tokens).counted(per_token))
    return rows, metadata


def check_states(shards: Sequence[Path], made: Iterable[Mapping[str, str]]) -> None:
    """Check that feature shards are those of their indexes, whose metadata ``made`` is, in the same order.

    Raises:
        UserError: a byte of one has changed since.

    """
    total = sum(path.stat().st_size for path in shards)
    with tqdm(
        total=total, desc="checking states", unit="B", unit_scale=True, disable=total < LARGE or None
    ) as bar:
        for path, metadata in zip(shards, made, strict=True):
            if metadata.get("states_sha256", "") not in ("", sha256(path, bar.update)):
                raise UserError(
                    f"{path} is no longer the file its index was written with (another checksum); delete "
                    "both to make them again"
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


class States(Protocol):
    """Where the states of clips are to be had."""

    def states(self, key: str, start: int, end: int) -> Tensor:
        """Return the states [stored, width] of a clip's tokens ``start`` to ``end``."""

    def scores(self, key: str, name: str, start: int, end: int) -> Tensor:
        """Return a score of a clip's tokens, [tokens] or [tokens, dim]; UserError if there is none."""


@dataclass(frozen=True)
class StatesInMemory:
    """The states of clips that were just encoded; ``per_token`` of them belong to one audio token."""

    by_key: Mapping[str, Tensor]
    per_token: int = 1

    def states(self, key: str, start: int, end: int) -> Tensor:
        """Return the states [(end - start) * per_token, width] of a clip's tokens ``start`` to ``end``."""
        return self.by_key[key][start * self.per_token : end * self.per_token]

    def scores(self, key: str, name: str, start: int, end: int) -> Tensor:
        """Return a score of a clip's tokens ``start`` to ``end``, [tokens] or [tokens, dim]."""
        stored = self.by_key.get(scores_key(key, name))
        if stored is None:
            raise _untold(key, name)
        return _token_means(stored[start * self.per_token : end * self.per_token], self.per_token)


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
            raise _untold(key, name)
        rows = slice(start * self._per_token, end * self._per_token)
        return _token_means(self._files[self._place[stored]].get_slice(stored)[rows], self._per_token)


def _token_means(values: Tensor, per_token: int) -> Tensor:
    """Return the mean of what belongs to each token, [stored, ...] to [tokens, ...]."""
    return values.float().unflatten(0, (-1, per_token)).mean(1)


def _untold(key: str, name: str) -> UserError:
    return UserError(
        f"the features of {key} have no '{name}' of the encoder: they are older than the method that asks "
        "for it, or their encoder doesn't tell; delete them to make them again"
    )


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
