"""Where a model's weights are: resolved once, recorded with checksums, and loaded part by part.

A checkpoint is a folder that transformers could load. Only the tensors that are asked for are read:
the audio tower or the language model, never a talker. What is read is compared with what was recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch

from earmark.core.errors import UserError
from earmark.core.files import LARGE, Json, sha256
from earmark.core.progress import tqdm
from earmark.models.mapped import WeightFile
from earmark.models.untrusted import refuse_own_code
from earmark.models.weight_files import ADAPTED, check_complete, files_by_tensor

T = TypeVar("T")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
OWN = ("checkpoint.json", "training.json")
"""Our own files in a folder of weights that were made here."""


@dataclass(frozen=True)
class Checkpoint:
    """A resolved checkpoint: its folder and what was recorded of it."""

    folder: Path
    content: Json
    changes: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = field(default_factory=dict)
    """What an adapter makes of tensors, by their stored names, whenever one is read."""

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read the record a rule wrote; ``folder`` in it is relative to the record or absolute.

        All files but the weights are compared with it here, the weights as they are read.

        Raises:
            UserError: a file that the record names is gone or another.

        """
        content = json.loads(path.read_text())
        folder = (path.parent / content["folder"]).resolve()
        _check_files(folder, content["files"], path)
        return cls(folder, content)

    @property
    def record(self) -> Json:
        """What results say of their model: the record without the checksum of every tensor."""
        parts = {
            name: Checkpoint(self.folder, part).record for name, part in self.content.get("parts", {}).items()
        }
        own = {key: value for key, value in self.content.items() if key != "tensors"}
        return own | {"parts": parts} if parts else own

    def part(self, name: str) -> Checkpoint:
        """Return a part of a composed checkpoint, which lies in a folder of its own.

        Raises:
            UserError: there is no such part, or one of its files is gone or another.

        """
        try:
            content = self.content["parts"][name]
        except KeyError:
            raise UserError(f"{self.folder}: the checkpoint names no {name}; train it again") from None
        folder = (self.folder / content["folder"]).resolve()
        _check_files(folder, content["files"], self.folder)
        return Checkpoint(folder, content)

    @property
    def digest(self) -> str:
        """What identifies the weights: the digest over the hashes of all files."""
        digest: str = self.content["digest"]
        return digest

    def changed(self, key: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor as it is used: as it is stored, or as an adapter makes it."""
        return self.changes[key](tensor) if key in self.changes else tensor

    def checksum(self, key: str) -> str | None:
        """Return the recorded checksum of a tensor's bytes; None if none was recorded."""
        found: str | None = self.content.get("tensors", {}).get(key)
        return found


def _check_files(folder: Path, files: Mapping[str, str], path: Path) -> None:
    """Check that a record's files are there and, but for the weights, what they were; UserError."""
    for name, checksum in files.items():
        if not (folder / name).is_file():
            raise UserError(f"{path} names {folder / name}, which is gone; delete {path} to make it again")
        if not name.endswith(".safetensors") and sha256(folder / name) != checksum:
            raise UserError(
                f"{folder / name} is not the file that was there when the checkpoint was recorded; put "
                f"the old one back, or delete {path} to make what depends on it again with the new one"
            )


def list_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a checkpoint folder, by name, records and dot files apart.

    Raises:
        UserError: the folder isn't a checkpoint with safetensors weights, or asks for code of its own.

    """
    refuse_own_code(folder)
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} has no config.json: not a checkpoint folder")
    files_by_tensor(folder)
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name[0] != ".")
    names = [name for name in names if name not in OWN]
    for inner in filter(None, ADAPTED):
        names += sorted(f"{inner}{p.name}" for p in (folder / inner).glob("adapter_*") if p.is_file())
    total = _bytes(folder, names)
    with tqdm(
        total=total, desc="hashing files", unit="B", unit_scale=True, disable=total < LARGE or None
    ) as bar:
        return {name: sha256(folder / name, bar.update) for name in names}


def tensor_checksums(folder: Path, unread: tuple[str, ...]) -> dict[str, str]:
    """Return the checksum of every tensor that may be read, by its stored name."""
    by_file: dict[str, list[str]] = {}
    for key, file in files_by_tensor(folder).items():
        if not key.startswith(unread):
            by_file.setdefault(file, []).append(key)
    found = {}
    total = _bytes(folder, by_file)
    with tqdm(
        total=total, desc="hashing tensors", unit="B", unit_scale=True, disable=total < LARGE or None
    ) as bar:
        for file in sorted(by_file):
            weights = WeightFile(folder / file)
            for key in by_file[file]:
                found[key] = weights.checksum(key)
                bar.update(weights.places[key].size)
    return found


def _bytes(folder: Path, names: Iterable[str]) -> int:
    return sum((folder / name).stat().st_size for name in names)


def locate(
    checkpoint: Checkpoint, prefixes: Iterable[str], keep: Callable[[str], bool] | None = None
) -> dict[str, tuple[str, str]]:
    """Return file and stored name of the tensors whose name starts with a prefix, by what follows it.

    Where only a part of a module is wanted, ``keep`` says by that name which tensors belong to it.
    """
    beginnings = list(prefixes)
    found = {}
    for key, file in files_by_tensor(checkpoint.folder).items():
        for beginning in beginnings:
            if key.startswith(beginning):
                name = key[len(beginning) :]
                if keep is None or keep(name):
                    found[name] = (file, key)
                break
    return found


def read_tensors(
    checkpoint: Checkpoint,
    prefixes: Iterable[str],
    dtype: torch.dtype,
    keep: Callable[[str], bool] | None = None,
) -> dict[str, torch.Tensor]:
    """Read the tensors that :func:`locate` finds, and compare them with what was recorded.

    Raises:
        UserError: a weight file is missing, damaged or another than was recorded.

    """

    def read(file: WeightFile, key: str) -> torch.Tensor:
        return checkpoint.changed(key, file.tensor(key, checkpoint.checksum(key))).to(dtype)

    return _each(checkpoint, prefixes, keep, read)


def shapes_of(
    checkpoint: Checkpoint, prefixes: Iterable[str], keep: Callable[[str], bool] | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors that :func:`locate` finds, without reading them."""
    return _each(checkpoint, prefixes, keep, lambda file, key: file.places[key].shape)


def _each(
    checkpoint: Checkpoint,
    prefixes: Iterable[str],
    keep: Callable[[str], bool] | None,
    read: Callable[[WeightFile, str], T],
) -> dict[str, T]:
    """Return what ``read`` makes of every located tensor, each file opened once."""
    by_file: dict[str, list[tuple[str, str]]] = {}
    for name, (file, key) in locate(checkpoint, prefixes, keep).items():
        by_file.setdefault(file, []).append((name, key))
    found = {}
    for file, keys in by_file.items():
        weights = WeightFile(checkpoint.folder / file)
        total = sum(weights.places[key].size for _, key in keys if key in weights.places)
        with tqdm(
            total=total, desc=f"reading {file}", unit="B", unit_scale=True, disable=total < LARGE or None
        ) as bar:
            for name, key in keys:
                if key not in weights.places:
                    weights.tensor(key)  # says what is wrong
                found[name] = read(weights, key)
                bar.update(weights.places[key].size)
    return found


def check_shapes(
    wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], what: str, folder: Path
) -> None:
    """Check that a module's tensors are there, no others, and of the shapes config.json says; UserError."""
    for name in sorted(wanted.keys() ^ found.keys()):
        side = "lacks" if name in wanted else "has an unknown tensor"
        raise UserError(f"{folder}: the {what} {side} '{name}'; is it the model family that config names?")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise UserError(f"{folder}: '{name}' of the {what} is {found[name]}, config.json says {shape}")


def fill(module: torch.nn.Module, tensors: dict[str, torch.Tensor], what: str, folder: Path) -> None:
    """Load tensors into a module, every key accounted for; UserError as :func:`check_shapes`."""
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    check_shapes(wanted, {name: tuple(value.shape) for name, value in tensors.items()}, what, folder)
    module.load_state_dict(tensors, assign=True)


def describe_folder(folder: Path, origin: Json, relative_to: Path, unread: tuple[str, ...] = ()) -> Json:
    """Return the record of a checkpoint folder: checksums, their digest, where it came from.

    ``unread`` are the beginnings of names of tensors that nothing reads.

    Raises:
        UserError: something needed is missing from the folder.

    """
    check_complete(folder, unread)
    files = list_files(folder)
    inside = folder.resolve().is_relative_to(relative_to.resolve())
    place = (
        folder.resolve().relative_to(relative_to.resolve()).as_posix() if inside else str(folder.resolve())
    )
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "folder": place,
        "digest": digest,
        "origin": origin,
        "files": files,
        "tensors": tensor_checksums(folder, unread),
    }
