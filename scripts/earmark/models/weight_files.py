"""Where a checkpoint's tensors lie: its index and the headers of its safetensors files, no tensor read.

Light, so that the workflow, the doctor and the checkpoint's own job ask the same: which file holds what,
how large it is, and whether everything needed is there.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from fnmatch import fnmatch
from math import prod
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.untrusted import weight_map

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
SHARDS = "model-*-of-*.safetensors"
ADAPTED = ("", "speech-lora/")
"""Where an adapter lies that a published checkpoint needs to hear: beside the weights, or in a folder."""
BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
    "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip
"""Bytes of a value, by the name the format has for its type."""
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Place:
    """A tensor in its file: type, shape, and the bytes [begin, end) from the file's start."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.end - self.begin

    @property
    def numbers(self) -> int:
        """How many values it has."""
        return prod(self.shape)


def read_header(path: Path) -> dict[str, Place]:
    """Return the tensors of a safetensors file, by name.

    The format (huggingface/safetensors): eight bytes of length, so many bytes of JSON, the tensors' bytes.

    Raises:
        UserError: the file is missing, cut short or damaged.

    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(_LONGEST_HEADER, size - 8):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            header: Json = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        found = {name: _place(entry, 8 + length) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise damaged(path, error) from None
    if max((place.end for place in found.values()), default=8 + length) != size:
        raise damaged(path, "it was cut short, or something was added to it")
    return found


def _place(entry: Json, start: int) -> Place:
    """Return an entry of a header; raises ValueError, KeyError or TypeError if it contradicts itself."""
    begin, end = entry["data_offsets"]
    shape = tuple(int(n) for n in entry["shape"])
    if not 0 <= begin <= end or end - begin != prod(shape) * BYTES[entry["dtype"]]:
        raise ValueError(f"a tensor of shape {list(shape)} in bytes {begin} to {end}")
    return Place(entry["dtype"], shape, start + begin, start + end)


def damaged(path: Path, why: object) -> UserError:
    """Return the error for a weight file that cannot be read."""
    return UserError(f"{path} is missing or damaged ({why}); fetch it again")


def files_by_tensor(folder: Path) -> dict[str, str]:
    """Return which file of a checkpoint's folder holds each tensor.

    Raises:
        UserError: there are no weights, or the index is damaged or leads out of the folder.

    """
    index = folder / INDEX
    if not index.is_file():
        if not (folder / SINGLE).is_file():
            raise UserError(f"{folder} holds neither {SINGLE} nor {INDEX}: only safetensors weights are read")
        return dict.fromkeys(read_header(folder / SINGLE), SINGLE)
    return weight_map(index)


def needed_files(folder: Path, unread: tuple[str, ...]) -> list[str]:
    """Return the weight files with any tensor that isn't ``unread``, by the beginnings of their names."""
    return sorted({file for key, file in files_by_tensor(folder).items() if not key.startswith(unread)})


def check_complete(folder: Path, unread: tuple[str, ...] = ()) -> None:
    """Check that every file that is needed is there, whole by its header, and holds what the index says.

    Files that hold nothing but ``unread`` parts may be absent. A shard that the index doesn't name is of
    another download.

    Raises:
        UserError: names the file and the cure.

    """
    needed = {key: file for key, file in files_by_tensor(folder).items() if not key.startswith(unread)}
    files = sorted(set(needed.values()))
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{folder}: {', '.join(missing)} missing, {len(missing)} of the {len(files)} needed weight "
            f"files that {INDEX} names; fetch them into that folder"
        )
    if not (folder / INDEX).is_file():
        return
    named = set(files_by_tensor(folder).values())
    extra = sorted(p.name for p in folder.iterdir() if fnmatch(p.name, SHARDS) and p.name not in named)
    if extra:
        raise UserError(
            f"{folder}: {INDEX} does not name {', '.join(extra)}: the index or these files are of another "
            "download; fetch the index again, or remove the files"
        )
    for file in files:
        held = read_header(folder / file)
        lacking = [key for key, where in needed.items() if where == file and key not in held]
        if lacking:
            raise UserError(
                f"{folder / file} lacks '{lacking[0]}', which {INDEX} says it holds ({len(lacking)} such "
                "tensors): they are of different downloads; fetch both again"
            )
