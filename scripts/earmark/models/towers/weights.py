"""Models of transformers from a checkpoint's folder, or with random weights for tests."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoFeatureExtractor

from earmark.core.errors import UserError
from earmark.models.checkpoint import DTYPES, Checkpoint
from earmark.models.towers.asked import Tower
from earmark.models.untrusted import read_part, refuse_own_code


def model_of(kind: Any, tower: Tower, checkpoint: Checkpoint | None, *model_types: str) -> Any:
    """Return a model of transformers.

    Args:
        kind: its class, or an auto class.
        tower: see :func:`earmark.models.towers.load`.
        checkpoint: where the weights are; None for random ones of the sizes in ``tower.random``.
        model_types: what the checkpoint's config may say of itself.

    Raises:
        UserError: another kind of model, or weights are missing.

    """
    if checkpoint is None:
        if tower.random is None:
            raise UserError(f"an encoder of kind {tower.kind} needs weights: hub, path or wheel")
        config = kind.config_class(**tower.random) if kind.config_class else None
        torch.manual_seed(0)
        return kind(config)
    refuse_own_code(checkpoint.folder)
    try:
        config = AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False)
        if config.model_type not in model_types:
            raise ValueError(f"its model_type is {config.model_type}")
        model, report = kind.from_pretrained(
            checkpoint.folder,
            dtype=DTYPES[tower.dtype],
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        words = " ".join(str(error).split())[:200]
        raise UserError(f"{checkpoint.folder} holds no encoder of kind {tower.kind} ({words})") from None
    if lacking := sorted(report["missing_keys"]):
        raise UserError(
            f"{checkpoint.folder} lacks weights of the encoder ('{lacking[0]}' and {len(lacking) - 1} more)"
        )
    return model


def extractor_of(kind: Any, checkpoint: Checkpoint | None, **sizes: Any) -> Any:
    """Return the checkpoint's feature extractor, or one of a class where there is none to read."""
    if checkpoint is None or not (checkpoint.folder / "preprocessor_config.json").is_file():
        return kind(**sizes)
    return read_part(AutoFeatureExtractor, checkpoint.folder, "feature extractor")
