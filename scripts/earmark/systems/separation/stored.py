"""Separators and adapters as files: safetensors with a record beside them that has their checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256, write_json
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.adapters.contract import Adapter
from earmark.systems.separation.adapters.dora import DoRA
from earmark.systems.separation.adapters.film import FilmOnly
from earmark.systems.separation.adapters.lora import LoRA
from earmark.systems.separation.adapters.reconv import Reconv
from earmark.systems.separation.network.resunet import ResUNet, Sizes


def write(tensors: Mapping[str, Tensor], record: Mapping[str, Any], path: Path) -> None:
    """Write tensors beside ``path`` (its suffix .safetensors), and last the record with their checksum."""
    weights = path.with_suffix(".safetensors")
    with replacing(weights) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, str(partial))
    write_json(path, {**record, "weights": sha256(weights)})


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the record of a separator or an adapter.

    Raises:
        UserError: a file is missing or damaged, or the weights are not those of the record.

    """
    weights = path.with_suffix(".safetensors")
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        expected = record["weights"]
        if sha256(weights) != expected:
            raise UserError(
                f"{weights} holds other bytes than {path} recorded; delete {path} to make both again"
            )
        return load_file(weights), record
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        said = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is missing or damaged ({said}); delete it to make it again") from None


def network(record: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> ResUNet:
    """Return the network of a separator's record and tensors; raises UserError if they don't fit."""
    model = ResUNet(sizes(record["sizes"]))
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError:
        raise UserError(
            f"{path}: its tensors are not those of its sizes; delete it to make it again"
        ) from None
    return model.eval()


def sizes(content: Mapping[str, Any]) -> Sizes:
    """Return sizes as JSON holds them."""
    return Sizes(
        tuple(content["channels"]),
        tuple((frames, bins) for frames, bins in content["pools"]),
        content["condition"],
        content["level"],
        content["compression"],
        tuple(content["patch"]),
    )


def adapter(settings: Mapping[str, Any]) -> Adapter:
    """Return the kind of adapter that config names."""
    kind, rank, blocks = settings["kind"], settings["rank"], settings["blocks"]
    if kind == FilmOnly.name:
        return FilmOnly()
    if kind == Reconv.name:
        return Reconv(blocks, rank)
    return DoRA(blocks, rank) if kind == DoRA.name else LoRA(blocks, rank)


def adapted(separator: Path, path: Path) -> dict[str, Tensor]:
    """Return the merged state dict of a separator with a domain's adapter.

    Raises:
        UserError: a file is missing or damaged, or the adapter was trained on another separator.

    """
    base, described = read(separator)
    tensors, record = read(path)
    if record["base"] != described["weights"]:
        raise UserError(
            f"{path} was trained on another separator than {separator}; delete it to make it again"
        )
    model = Adapted(
        network(described, base, separator), adapter(record["adapter"]), record["adapter"]["batch_norm"]
    )
    model.load(tensors, path)
    return model.merged()
