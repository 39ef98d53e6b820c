"""config.json of a checkpoint: read for one family, its mistakes in one line, its depths and widths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.checkpoint import Checkpoint
from earmark.models.described import check_sizes
from earmark.models.sizes import Depth


def read_config(checkpoint: Checkpoint, family: str, parse: Callable[[Json], Any]) -> Any:
    """Return what ``parse`` makes of the checkpoint's config.json.

    Raises:
        UserError: the file is damaged or of another family.
    """
    try:
        raw, _ = PretrainedConfig.get_config_dict(checkpoint.folder)
        check_sizes(raw)
        return parse(raw)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        StrictDataclassError,
    ) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{checkpoint.folder}/config.json is no {family} config ({reason})") from None


def depth_of(config: Any) -> Depth:
    """Return how many layers the encoder and the language model have, and how wide they are."""
    audio, text = config.audio_config, config.text_config
    return Depth(audio.encoder_layers, text.num_hidden_layers, audio.d_model, text.hidden_size)
