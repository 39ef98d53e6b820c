"""config.json of a checkpoint: read for one family, its mistakes in one line, its depths and widths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig

from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint


def read_config(checkpoint: Checkpoint, family: str, parse: Callable[[dict[str, Any]], Any]) -> Any:
    """Return what ``parse`` makes of the checkpoint's config.json.

    Raises:
        UserError: the file is damaged or of another family.
    """
    try:
        raw, _ = PretrainedConfig.get_config_dict(checkpoint.folder)
        return parse(raw)
    except (OSError, ValueError, TypeError, AttributeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{checkpoint.folder}/config.json is no {family} config ({reason})") from None


def depths_of(config: Any) -> dict[str, int]:
    """Return how many layers the encoder and the language model have, and how wide they are."""
    audio, text = config.audio_config, config.text_config
    return {
        "encoder": audio.encoder_layers,
        "lm": text.num_hidden_layers,
        "encoder_width": audio.d_model,
        "lm_width": text.hidden_size,
    }
