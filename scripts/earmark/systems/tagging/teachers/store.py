"""Stored logits: one safetensors file a shard, a Parquet index of clip ids beside it, read by clip id.

Row i of ``logits`` [clips, classes] is clip i of the index; classes are in the task's order. A clip that
failed has a row of NaN and its reason in the index: it can't be taken for one that was heard.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from earmark.core import checksums
from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256
from earmark.core.records import NOT_PARQUET, OK, reason_code
from earmark.models.state_writer import StateWriter

INDEX = pa.schema(
    [
        ("clip_id", pa.string()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("cut", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Row:
    """A clip of a shard; ``cut``: the teacher heard only its beginning."""

    clip_id: str
    key: str
    status: str
    reason: str
    cut: bool


def write(path: Path, logits: NDArray[np.floating], rows: Sequence[Row], metadata: dict[str, str]) -> None:
    """Write a shard's logits [clips, classes] and, last, its index; same content, same bytes."""
    with replacing(path) as partial, partial.open("wb") as stream:
        writer = StateWriter(stream, 1, metadata)
        writer.add("logits", torch.from_numpy(logits))
        writer.close()
    known = metadata | {checksums.STATES: sha256(path)}
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=INDEX.with_metadata(known))
    with replacing(path.with_suffix(".parquet")) as partial:
        pq.write_table(table, partial, compression="zstd")


class Places:
    """Where ids stand: a number per id, 12 bytes each, so that millions fit; copied cheaply to workers.

    Ids are known by 64 bits of a hash; two ids that share them would be reported as one listed twice,
    which happens once in millions of data sets of AudioSet's size.

    Raises:
        UserError: an id is listed twice; ``where`` says in what.

    """

    def __init__(self, places: Iterable[tuple[str, int]], where: str) -> None:
        hashes, numbers = array("Q"), array("q")
        for name, place in places:
            hashes.append(_hash(name))
            numbers.append(place)
        self._hashes = np.frombuffer(hashes, dtype=np.uint64) if hashes else np.zeros(0, np.uint64)
        order = np.argsort(self._hashes, kind="stable")
        self._hashes = self._hashes[order]
        self._places = np.asarray(numbers, dtype=np.int64)[order]
        twice = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        if len(twice):
            a, b = self._places[twice[0] : twice[0] + 2]
            raise UserError(f"{where}: one id is listed twice (rows {a} and {b})")

    def __len__(self) -> int:
        return len(self._hashes)

    def get(self, name: str) -> int | None:
        """Return the place of an id, or None."""
        wanted = np.uint64(_hash(name))
        at = int(np.searchsorted(self._hashes, wanted))
        if at == len(self._hashes) or self._hashes[at] != wanted:
            return None
        return int(self._places[at])


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


class Logits:
    """The logits of one or several teachers for the clips of a task.

    ``files``: for each teacher, its safetensors files. May be handed to worker processes: files are
    opened where they are read. ``failed`` counts the clips without logits by reason.

    Raises:
        UserError: a file is damaged, or files of one teacher are of different weights, or teachers of
            different classes.

    """

    def __init__(self, files: Sequence[Sequence[Path]]) -> None:
        self._files = [list(paths) for paths in files]
        self._stems: list[list[dict[str, str]]] = []
        self._places: list[Places] = []
        self.failed: Counter[str] = Counter()
        self.width = 0
        for paths in self._files:
            if not paths:
                raise UserError("no files of logits were given for a teacher")
            self._stems.append([])
            self._places.append(
                Places(self._read(paths, self._stems[-1]), f"the logits in {paths[0].parent}")
            )
        self._open: dict[tuple[int, int], Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    @property
    def teachers(self) -> list[dict[str, str]]:
        """What made the logits of each teacher."""
        return [stems[0] for stems in self._stems]

    @property
    def classes_digest(self) -> str:
        """The digest of the class list the logits are in the order of."""
        return self._stems[0][0]["classes_digest"]

    def get(self, clip_id: str) -> NDArray[np.float32] | None:
        """Return the logits [teachers, classes] of a clip, or None where a teacher has none."""
        rows = []
        for teacher, places in enumerate(self._places):
            place = places.get(clip_id)
            if place is None:
                return None
            rows.append(self._row(teacher, *divmod(place, 1 << 32)))
        return np.stack(rows)

    def probabilities(self, clip_id: str, tau: float, kind: str) -> NDArray[np.float32]:
        """Return what the teachers say of a clip, [classes].

        The sigmoid (``multi_label``) or softmax (``single_label``) of the mean over teachers of
        ``logits / tau``.

        Raises:
            UserError: a teacher has no logits for the clip.

        """
        found = self.get(clip_id)
        if found is None:
            raise UserError(f"no teacher's logits for clip '{clip_id}'; {_MEND}")
        mean = torch.from_numpy(found).mean(dim=0) / tau
        made = torch.sigmoid(mean) if kind == "multi_label" else torch.softmax(mean, dim=0)
        array_: NDArray[np.float32] = made.numpy()
        return array_

    def missing(self, clip_ids: Iterable[str]) -> list[str]:
        """Return the ids for which some teacher has no logits, in order."""
        return [name for name in clip_ids if any(places.get(name) is None for places in self._places)]

    def _read(self, paths: Sequence[Path], stems: list[dict[str, str]]) -> Iterator[tuple[str, int]]:
        """Yield id and place of every clip that a teacher's files have logits of; check that they agree."""
        for number, path in enumerate(paths):
            index = path.with_suffix(".parquet")
            checksums.verify([path], [index] if index.is_file() else [])
            try:
                with safe_open(path, "np") as file:
                    # Its order is not the same in every process.
                    stems.append(dict(sorted((file.metadata() or {}).items())))
                    rows, self.width = file.get_slice("logits").get_shape()
                columns = ["clip_id", "status", "reason"]
                table = pq.read_table(index, columns=columns)
            except (SafetensorError, *NOT_PARQUET, OSError, KeyError) as error:
                raise UserError(f"{path} cannot be read ({error}); delete it to make it again") from None
            if len(table) != rows:
                raise UserError(
                    f"{path} has {rows} rows and its index {len(table)}; delete both to make them again"
                )
            _agree(stems[0], stems[-1], path, ("teacher", "digest"))
            _agree(self._stems[0][0], stems[-1], path, ("classes_digest",))
            for row, (name, status, reason) in enumerate(zip(*(table[c].to_pylist() for c in columns))):
                if status == OK:
                    yield name, (number << 32) | row
                else:
                    self.failed[reason_code(reason)] += 1

    def _row(self, teacher: int, number: int, row: int) -> NDArray[np.float32]:
        """Return one row as float32, reading no more than it."""
        if (teacher, number) not in self._open:
            self._open[teacher, number] = safe_open(self._files[teacher][number], "np")
        values = self._open[teacher, number].get_slice("logits")[row : row + 1]
        logits: NDArray[np.float32] = values[0].astype(np.float32)
        return logits


_MEND = "make the logits of its shard, or set unlabelled_by_teacher: labels in the recipe"


def _agree(first: dict[str, str], other: dict[str, str], path: Path, keys: Sequence[str]) -> None:
    for key in keys:
        if first.get(key) != other.get(key):
            raise UserError(
                f"{path}: {key} is {other.get(key)}, but {first.get(key)} in the files before it; delete "
                "the logits that are out of date to make them again"
            )
