"""A composed model's low-rank adapter: made by peft, verified, added to the weights as they are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from earmark.config.compose import Lora
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.models.checkpoint import Checkpoint, locate
from earmark.models.families.causal_lm import CausalLm

ADAPTER = "adapter"
"""Its folder in the checkpoint."""
WRAPPED, DOWN, UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""How peft names a layer's two matrices."""


def with_adapter(model: Any, lora: Lora) -> Any:
    """Return the decoder with a new adapter to be trained, in float32 whatever the decoder's precision."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # which takes any number
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        task_type="FEATURE_EXTRACTION",
    )
    return get_peft_model(model, config, autocast_adapter_dtype=True)


@dataclass(frozen=True)
class LowRank:
    """What an adapter adds to a matrix [out, in]: ``up`` [out, rank] times ``down`` [rank, in], scaled."""

    down: Tensor
    up: Tensor
    scale: float

    def __call__(self, weight: Tensor) -> Tensor:
        """Return the matrix with it added, in float32."""
        return weight.float() + self.scale * (self.up.float() @ self.down.float())


def adapter_of(checkpoint: Checkpoint, part: Checkpoint) -> dict[str, LowRank]:
    """Return what the adapter of a composed checkpoint adds to its decoder's tensors, by their stored names.

    Raises:
        UserError: its files are not those that were recorded, or fit another decoder.
    """
    if not any(name.startswith(f"{ADAPTER}/") for name in checkpoint.content["files"]):
        return {}
    check_adapter(checkpoint)
    folder = checkpoint.folder / ADAPTER
    config = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / config["r"]
    found = load_file(folder / "adapter_model.safetensors")
    stored = {name: key for name, (_, key) in locate(part, CausalLm.parts.decoder).items()}
    changes = {}
    for name in (name for name in found if name.endswith(DOWN)):
        layer = name.removeprefix(WRAPPED).removesuffix(DOWN)
        if f"{layer}.weight" not in stored:
            raise UserError(f"{folder}: the decoder has no '{layer}' to adapt; train the model again")
        changes[stored[f"{layer}.weight"]] = LowRank(found[name], found[name.removesuffix(DOWN) + UP], scale)
    return changes


def check_adapter(checkpoint: Checkpoint) -> None:
    """Check that an adapter's weights are those that were recorded; its other files were checked before.

    Raises:
        UserError: they are another, or the folder holds files that nobody recorded.
    """
    files = checkpoint.content["files"]
    for path in sorted((checkpoint.folder / ADAPTER).iterdir()):
        recorded = files.get(f"{ADAPTER}/{path.name}")
        if recorded is None or sha256(path) != recorded:
            what = "was not there" if recorded is None else "is not the file that was there"
            raise UserError(
                f"{path} {what} when the model was trained; restore the folder, or delete "
                f"{checkpoint.folder / 'checkpoint.json'} to train it again"
            )
