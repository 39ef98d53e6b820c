"""Widths and depths of a model: what it costs follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from earmark.core.files import Json


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
    head: int = 0
    """Width of an attention head of the language model; 0: ``hidden`` / ``heads``."""
    ffn_held: int = 0
    """Width of all experts of a layer, of which a token passes ``ffn``; 0: it passes what there is."""
    audio_weights: int = 0
    """Weights of a tower of convolutions, which has none of the four sizes above; 0: it has them."""
    audio_flops: int = 0
    """Operations of such a tower for a second of audio, two per multiply-add."""
    audio_states: int = 0
    """Numbers that its widest layer makes of a second of audio."""

    @property
    def queries(self) -> int:
        """Width of all heads' queries."""
        return self.heads * (self.head or self.hidden // self.heads)

    @property
    def keys(self) -> int:
        """Width of all heads' keys, and of their values."""
        return self.kv_heads * (self.head or self.hidden // self.heads)

    @property
    def tower(self) -> int:
        """Weights of the audio tower's layers."""
        wide = self.audio_hidden
        return self.audio_weights or self.audio_layers * (4 * wide * wide + 2 * wide * self.audio_ffn)

    @property
    def layer(self) -> int:
        """Weights of a decoder layer as they are held: q, k, v, o and the gated three of each expert."""
        return self._layer(self.ffn_held or self.ffn)

    @property
    def passed(self) -> int:
        """Weights of a decoder layer that a token is multiplied with."""
        return self._layer(self.ffn)

    def _layer(self, ffn: int) -> int:
        return self.hidden * (2 * self.queries + 2 * self.keys + 3 * ffn)


NOTHING = Sizes(0, 0, 1, 1, 0, 0, 0, 1, 0, 0)
"""Of what a part of a model hasn't got."""

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


def sizes_in(config: Json) -> Sizes | None:
    """Return the sizes in a config.json with ``audio_config`` and ``text_config``; None if one is missing.

    Both may lie within ``thinker_config``. A config may leave out what is its class's default; then
    nothing is said rather than guessed.
    """
    inner = config.get("thinker_config", config)
    text, audio = text_sizes(inner.get("text_config") or {}), audio_sizes(inner.get("audio_config") or {})
    if text is None or audio is None:
        return None
    return replace(text, **{name: getattr(audio, name) for name in _AUDIO})


def text_sizes(section: Json) -> Sizes | None:
    """Return the sizes of a language model alone, from its own config; None if one is missing."""
    found, head = _stated(section, _TEXT), section.get("head_dim")
    if found is None or not isinstance(head, int) or head * found.heads == found.hidden:
        return found
    return replace(found, head=head)


def audio_sizes(section: Json) -> Sizes | None:
    """Return the sizes of an encoder alone, from its own config; ``hidden`` is the width of its states."""
    found = _stated(section, _AUDIO)
    return None if found is None else replace(found, hidden=found.audio_hidden)


def _stated(section: Json, names: Mapping[str, Sequence[str]]) -> Sizes | None:
    found: dict[str, int] = {}
    for name, spellings in names.items():
        value = next((section[key] for key in spellings if isinstance(section.get(key), int)), None)
        if value is None:
            return None
        found[name] = value
    return replace(NOTHING, **found)
