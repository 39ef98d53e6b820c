"""config.json of a checkpoint: read for one family, its mistakes in one line, its depths and widths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig

from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint
from earmark.models.sizes import Depth

LARGEST = 1 << 24
"""No width, vocabulary or window of a model is larger: 16.8 million."""
DEEPEST = 1000
LAYERS = ("encoder_layers", "num_hidden_layers")
SIZES = (
    *LAYERS,
    "d_model",
    "encoder_attention_heads",
    "encoder_ffn_dim",
    "head_dim",
    "hidden_size",
    "intermediate_size",
    "max_source_positions",
    "n_window",
    "num_attention_heads",
    "num_key_value_heads",
    "num_mel_bins",
    "output_dim",
    "vocab_size",
)
"""What modules are built by, wherever in config.json it stands."""


def read_config(checkpoint: Checkpoint, family: str, parse: Callable[[dict[str, Any]], Any]) -> Any:
    """Return what ``parse`` makes of the checkpoint's config.json.

    Raises:
        UserError: the file is damaged or of another family.
    """
    try:
        raw, _ = PretrainedConfig.get_config_dict(checkpoint.folder)
        _check_sizes(raw)
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


def _check_sizes(content: Any, place: str = "") -> None:
    """Check that what modules are built by are plain numbers of a model's size; ValueError names the key."""
    if isinstance(content, list):
        for value in content:
            _check_sizes(value, place)
    if not isinstance(content, dict):
        return
    for key, value in content.items():
        most = DEEPEST if key in LAYERS else LARGEST
        if key in SIZES and value is not None and not (type(value) is int and 1 <= value <= most):
            raise ValueError(f"{place}{key} is {str(value)[:40]}, not a whole number from 1 to {most}")
        _check_sizes(value, f"{place}{key}.")


def depth_of(config: Any) -> Depth:
    """Return how many layers the encoder and the language model have, and how wide they are."""
    audio, text = config.audio_config, config.text_config
    return Depth(audio.encoder_layers, text.num_hidden_layers, audio.d_model, text.hidden_size)
