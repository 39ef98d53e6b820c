"""Separators and adapters as files: safetensors with a record beside them that has their checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import Json, replacing, sha256, write_json
from earmark.systems.separation import asked
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.adapters.contract import Adapter
from earmark.systems.separation.adapters.dora import DoRA
from earmark.systems.separation.adapters.film import FilmOnly
from earmark.systems.separation.adapters.lora import LoRA
from earmark.systems.separation.adapters.reconv import Reconv
from earmark.systems.separation.network.resunet import ResUNet, Sizes


def write(tensors: Mapping[str, Tensor], record: Json, path: Path) -> None:
    """Write tensors beside ``path`` (its suffix .safetensors), and last the record with their checksum."""
    weights = path.with_suffix(".safetensors")
    with replacing(weights) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, str(partial))
    write_json(path, {**record, "weights": sha256(weights)})


def read(path: Path) -> tuple[dict[str, Tensor], Json]:
    """Return the tensors and the record of a separator or an adapter.

    Raises:
        UserError: a file is missing or damaged, or the weights are not those of the record.

    """
    weights = path.with_suffix(".safetensors")
    try:
        record: Json = json.loads(path.read_text())
        expected = record["weights"]
        if sha256(weights) != expected:
            raise UserError(
                f"{weights} holds other bytes than {path} recorded; delete {path} to make both again"
            )
        return load_file(weights), record
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        said = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is missing or damaged ({said}); delete it to make it again") from None


@dataclass(frozen=True)
class Base:
    """A separator as its files have it."""

    path: Path
    """Of its record."""

    tensors: dict[str, Tensor]
    text: asked.Text
    sizes: Sizes
    checksum: str
    """Of its weights."""

    @classmethod
    def read(cls, path: Path) -> Base:
        """Read a separator; raises UserError as :func:`read`, or if it is the record of something else."""
        tensors, record = read(path)
        if not {"text", "sizes"} <= record.keys():
            raise UserError(f"{path} is no separator's record; use separators/<name>/separator.json")
        text = asked.Text.read(record["text"], f"{path}: text")
        return cls(path, tensors, text, _sizes(record["sizes"], path), record["weights"])

    def network(self) -> ResUNet:
        """Return the network; raises UserError if the tensors don't fit its sizes."""
        model = ResUNet(self.sizes)
        try:
            model.load_state_dict(self.tensors)
        except RuntimeError:
            raise UserError(
                f"{self.path}: its tensors are not those of its sizes; delete it to make it again"
            ) from None
        return model.eval()


def _sizes(content: Json, path: Path) -> Sizes:
    condition = {"condition": content["condition"]} if "condition" in content else {}
    rest = {key: value for key, value in content.items() if key not in condition}
    return sizes(asked.Sizes.read(rest, f"{path}: sizes"), **condition)


def sizes(said: asked.Sizes, condition: int = 512) -> Sizes:
    """Return the sizes of a network whose queries' vectors have ``condition`` numbers."""
    return Sizes(
        tuple(said.channels),
        tuple((frames, bins) for frames, bins in said.pools),
        condition,
        said.level,
        said.compression,
        (said.patch[0], said.patch[1]),
    )


def adapter(said: asked.Adapter) -> Adapter:
    """Return the kind of adapter that config names."""
    if said.kind == FilmOnly.name:
        return FilmOnly()
    return {kind.name: kind for kind in (Reconv, DoRA, LoRA)}[said.kind](said.blocks, said.rank)


def adapted(base: Base, path: Path) -> dict[str, Tensor]:
    """Return the merged state dict of a separator with a domain's adapter.

    Raises:
        UserError: the adapter's files are missing or damaged, or it was trained on another separator.

    """
    tensors, record = read(path)
    if not {"base", "adapter"} <= record.keys():
        raise UserError(f"{path} is no adapter's record; use separators/<name>/adapters/<domain>.json")
    if record["base"] != base.checksum:
        raise UserError(
            f"{path} was trained on another separator than {base.path}; delete it to make it again"
        )
    said = asked.Adapter.read(record["adapter"], f"{path}: adapter")
    model = Adapted(base.network(), adapter(said), said.batch_norm)
    model.load(tensors, path)
    return model.merged()
