"""A composed model's low-rank adapter: made by peft, verified, added to the weights as they are read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from earmark.config.compose import Adapter
from earmark.core.errors import UserError
from earmark.core.files import sha256, write_json
from earmark.models.checkpoint import Checkpoint, locate
from earmark.models.families.causal_lm import CausalLm
from earmark.models.low_rank import LowRank, low_rank
from earmark.models.untrusted import read_json

ADAPTER = "adapter"
"""Its folder in the checkpoint."""


def with_adapter(model: Any, lora: Adapter) -> Any:
    """Return the decoder with a new adapter to be trained, in float32 whatever the decoder's precision."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # which takes any number
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        task_type="FEATURE_EXTRACTION",
    )
    with warnings.catch_warnings():
        # peft asks transformers for an attribute by its old name.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return get_peft_model(model, config, autocast_adapter_dtype=True)


def save_adapter(checkpoint: Path, adapted: Any) -> None:
    """Write the adapter of a peft model into the folder of a composed checkpoint."""
    folder = checkpoint / ADAPTER
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    # peft keeps the names of matrices as a set: without an order equal trainings would have unequal files.
    said = read_json(folder / "adapter_config.json")
    write_json(folder / "adapter_config.json", said | {"target_modules": sorted(said["target_modules"])})


def adapter_of(checkpoint: Checkpoint, part: Checkpoint) -> dict[str, LowRank]:
    """Return what the adapter of a composed checkpoint adds to its decoder's tensors, by their stored names.

    Raises:
        UserError: its files are not those that were recorded, or fit another decoder.
    """
    if not any(name.startswith(f"{ADAPTER}/") for name in checkpoint.content["files"]):
        return {}
    check_adapter(checkpoint)
    folder = checkpoint.folder / ADAPTER
    stored = {name: key for name, (_, key) in locate(part, CausalLm.parts.decoder).items()}
    return low_rank(folder, stored)


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
