"""Where a model's weights are: resolved once, recorded with hashes, and loaded part by part.

A checkpoint is a folder that transformers could load. Only the tensors that are asked for are read:
the audio tower or the language model, never a talker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open

from earmark.core.errors import UserError
from earmark.core.files import sha256

T = TypeVar("T")
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
PROJECTOR = "projector.safetensors"
"""What a composed checkpoint has of its own."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Checkpoint:
    """A resolved checkpoint: its folder and what is known of where it came from."""

    folder: Path
    record: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read the record a rule wrote; ``folder`` in it is relative to the record or absolute.

        Raises:
            UserError: the weights the record names are gone, or no longer what they were.

        """
        record = json.loads(path.read_text())
        folder = (path.parent / record["folder"]).resolve()
        _check_files(folder, record, path)
        return cls(folder, record)

    def part(self, name: str) -> Checkpoint:
        """Return a part of a composed checkpoint, which lies in a folder of its own.

        Raises:
            UserError: there is no such part, or its weights are gone.

        """
        try:
            record = self.record["parts"][name]
        except KeyError:
            raise UserError(f"{self.folder}: the checkpoint names no {name}; train it again") from None
        folder = (self.folder / record["folder"]).resolve()
        _check_files(folder, record, self.folder)
        return Checkpoint(folder, record)

    @property
    def digest(self) -> str:
        """What identifies the weights: the digest over the hashes of all files."""
        digest: str = self.record["digest"]
        return digest


def _check_files(folder: Path, record: dict[str, Any], path: Path) -> None:
    """Check that a record's files are there, and are those it was written of; UserError naming the first."""
    for name, recorded in record["files"].items():
        if not (folder / name).is_file():
            raise UserError(f"{path} names {folder / name}, which is gone; delete {path} to make it again")
        if sha256(folder / name) != recorded:
            raise UserError(
                f"{folder / name} is no longer what {path} was written of (another checksum); put it "
                f"back, or delete {path} to make it again"
            )


def list_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a checkpoint folder, by name, records and dot files apart.

    Raises:
        UserError: the folder isn't a checkpoint with safetensors weights.

    """
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} has no config.json: not a checkpoint folder")
    if not any((folder / name).is_file() for name in (INDEX, SINGLE, PROJECTOR)):
        raise UserError(f"{folder} holds neither {SINGLE} nor {INDEX}: only safetensors weights are read")
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name[0] != ".")
    return {name: sha256(folder / name) for name in names if name not in ("checkpoint.json", "training.json")}


def weight_files(folder: Path) -> dict[str, str]:
    """Return which file of the folder holds each tensor."""
    index = folder / INDEX
    if index.is_file():
        weight_map: dict[str, str] = json.loads(index.read_text())["weight_map"]
        for name in set(weight_map.values()):
            if Path(name).name != name:
                raise UserError(f"{index} names '{name}', which is not a file of its folder")
        return weight_map
    with safe_open(folder / SINGLE, "pt") as file:
        return dict.fromkeys(file.keys(), SINGLE)


def locate(
    folder: Path, prefixes: dict[str, str], keep: Callable[[str], bool] | None = None
) -> dict[str, tuple[str, str]]:
    """Return file and stored name of the tensors whose name starts with a prefix.

    They are renamed by ``prefixes`` (old -> new); where only a part of a module is wanted, ``keep``
    says by the new name which tensors belong to it.
    """
    found = {}
    for key, file in weight_files(folder).items():
        for old, new in prefixes.items():
            if key.startswith(old):
                name = new + key[len(old) :]
                if keep is None or keep(name):
                    found[name] = (file, key)
                break
    return found


def read_tensors(
    folder: Path,
    prefixes: dict[str, str],
    dtype: torch.dtype,
    keep: Callable[[str], bool] | None = None,
) -> dict[str, torch.Tensor]:
    """Read the tensors that :func:`locate` finds.

    Raises:
        UserError: a weight file is missing or damaged.

    """
    return _each(folder, prefixes, keep, lambda stream, key: stream.get_tensor(key).to(dtype))


def shapes_of(
    folder: Path, prefixes: dict[str, str], keep: Callable[[str], bool] | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors that :func:`locate` finds, without reading them."""
    return _each(folder, prefixes, keep, lambda stream, key: tuple(stream.get_slice(key).get_shape()))


def _each(
    folder: Path,
    prefixes: dict[str, str],
    keep: Callable[[str], bool] | None,
    read: Callable[[Any, str], T],
) -> dict[str, T]:
    """Return what ``read`` makes of every located tensor, each file opened once."""
    by_file: dict[str, list[tuple[str, str]]] = {}
    for name, (file, key) in locate(folder, prefixes, keep).items():
        by_file.setdefault(file, []).append((name, key))
    found = {}
    for file, keys in by_file.items():
        try:
            with safe_open(folder / file, "pt") as stream:
                for name, key in keys:
                    found[name] = read(stream, key)
        except (SafetensorError, FileNotFoundError) as error:
            raise UserError(f"{folder / file} is missing or damaged ({error})") from None
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


def describe_folder(folder: Path, origin: dict[str, Any], relative_to: Path) -> dict[str, Any]:
    """Return the record of a checkpoint folder: its files' hashes, their digest, where it came from."""
    files = list_files(folder)
    inside = folder.resolve().is_relative_to(relative_to.resolve())
    place = (
        folder.resolve().relative_to(relative_to.resolve()).as_posix() if inside else str(folder.resolve())
    )
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
    return {"folder": place, "digest": digest, "origin": origin, "files": files}
