"""Low-rank adapters as peft writes them: read, checked, and added to weights as they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.models.checkpoint import Checkpoint, locate
from earmark.models.mapped import WeightFile
from earmark.models.untrusted import read_json

WRAPPED, DOWN, UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""How peft names a layer's two matrices."""
PLAIN = {"use_rslora": False, "use_dora": False, "rank_pattern": {}, "alpha_pattern": {}, "bias": "none"}
"""Options of peft that change what an adapter adds, and what they are in one that adds a scaled product."""


@dataclass(frozen=True)
class LowRank:
    """What an adapter adds to a matrix [out, in]: ``up`` [out, rank] times ``down`` [rank, in], scaled."""

    down: Tensor
    up: Tensor
    scale: float

    def __call__(self, weight: Tensor) -> Tensor:
        """Return the matrix with it added, in float32."""
        return weight.float() + self.scale * (self.up.float() @ self.down.float())


def low_rank(
    folder: Path, stored: Mapping[str, str], beginnings: Sequence[str] = ("",)
) -> dict[str, LowRank]:
    """Return what the adapter in a folder adds to a decoder's tensors, by their stored names.

    Args:
        folder: with adapter_config.json and adapter_model.safetensors.
        stored: names of the decoder's tensors in the checkpoint, by their names in the decoder.
        beginnings: what may stand before the latter in the adapter.

    Raises:
        UserError: the files are missing or damaged, or the adapter is of another decoder or another kind.

    """
    config = read_json(folder / "adapter_config.json")
    for option, plain in PLAIN.items():
        if (config.get(option) or plain) != plain:
            raise UserError(
                f"{folder}/adapter_config.json: {option} is {config[option]}, which isn't applied"
            )
    scale = config["lora_alpha"] / config["r"]
    weights = WeightFile(folder / "adapter_model.safetensors")
    changes = {}
    for name in (name for name in weights.places if name.endswith(DOWN)):
        layer = name.removeprefix(WRAPPED).removesuffix(DOWN)
        own = max((b for b in beginnings if layer.startswith(b)), key=len, default="")
        key = stored.get(f"{layer.removeprefix(own)}.weight")
        if key is None:
            raise UserError(
                f"{folder}: the decoder has no '{layer}' to adapt; the adapter is of another model"
            )
        up = weights.tensor(name.removesuffix(DOWN) + UP)
        changes[key] = LowRank(weights.tensor(name), up, scale)
    return changes


def published_adapter(checkpoint: Checkpoint, inner: str, beginnings: Sequence[str]) -> Checkpoint:
    """Return a checkpoint with the adapter that was published with it added to its decoder.

    Args:
        checkpoint: of the model.
        inner: the adapter's folder in it with a slash at its end, "" for the checkpoint's own.
        beginnings: of the decoder's tensors' names.

    Raises:
        UserError: the adapter is missing, is not what was recorded, or is of another model.

    """
    path = checkpoint.folder / f"{inner}adapter_model.safetensors"
    if not path.is_file():
        raise UserError(f"{path} is missing, without which the model doesn't hear; fetch it into that folder")
    recorded = checkpoint.content.get("files", {}).get(f"{inner}{path.name}")
    if recorded is not None and recorded != sha256(path):
        raise UserError(f"{path} is not the file that was recorded; put the old one back")
    stored = {name: key for name, (_, key) in locate(checkpoint, beginnings).items()}
    changes = low_rank(path.parent, stored, (*beginnings, "model."))
    return replace(checkpoint, changes={**checkpoint.changes, **changes})
