"""Widths and depths of a model: what it costs follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Depth:
    """How many layers a model's two parts have, and how wide their states are."""

    encoder: int
    lm: int
    encoder_width: int = 0
    lm_width: int = 0


@dataclass(frozen=True)
class Sizes:
    """Widths and depths; the defaults are the demo model of about one million parameters."""

    hidden: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    ffn: int = 256
    audio_hidden: int = 64
    audio_layers: int = 2
    audio_heads: int = 4
    audio_ffn: int = 128
    vocabulary: int = 4096
    """Rows of the embeddings; of a model made here, the most that its tokenizer may have."""


_TEXT = {
    "hidden": ("hidden_size",),
    "layers": ("num_hidden_layers",),
    "heads": ("num_attention_heads",),
    "kv_heads": ("num_key_value_heads", "num_attention_heads"),
    "ffn": ("intermediate_size",),
    "vocabulary": ("vocab_size",),
}
_AUDIO = {
    "audio_hidden": ("d_model", "hidden_size"),
    "audio_layers": ("encoder_layers", "num_hidden_layers"),
    "audio_heads": ("encoder_attention_heads", "num_attention_heads"),
    "audio_ffn": ("encoder_ffn_dim", "intermediate_size"),
}
"""How transformers spells them, the first that is there."""


def sizes_in(config: Mapping[str, Any]) -> Sizes | None:
    """Return the sizes in a config.json with ``audio_config`` and ``text_config``; None if one is missing.

    Both may lie within ``thinker_config``. A config may leave out what is its class's default; then
    nothing is said rather than guessed.
    """
    inner = config.get("thinker_config", config)
    found: dict[str, int] = {}
    for part, names in (("text_config", _TEXT), ("audio_config", _AUDIO)):
        section = inner.get(part) or {}
        for name, spellings in names.items():
            value = next((section[key] for key in spellings if isinstance(section.get(key), int)), None)
            if value is None:
                return None
            found[name] = value
    return Sizes(**found)
