"""Which decoders token reduction works on, and where their configs say what is audio.

What differs is refused before anything runs, with the reason: a method would crash in the middle of a
prefill, or drop tokens and be wrong without a word.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from earmark.core.errors import UserError

ENDS = (
    ("audio_start_token_id", "audio_end_token_id"),
    ("audio_bos_token_id", "audio_eos_token_id"),
    ("boa_token_id", "eoa_token_id"),
    ("boa_token_index", "eoa_token_index"),
    ("begin_audio_token_id", "end_audio_token_id"),
)
"""How configs spell the ids of the tokens that open and close a recording."""


FUSED = ("Phi3Attention", "Phi4MultimodalAttention")
"""Attention with one projection for queries, keys and values, in the layout that is read here.

It turns the first part of every head, as the width of the rotary tables says.
"""


@dataclass(frozen=True)
class AudioMarks:
    """Ids of the audio placeholder, None if no config names one, and of what opens and closes audio."""

    audio: int | None
    ends: tuple[int, ...]

    @classmethod
    def of(cls, configs: Sequence[Any], name: str) -> AudioMarks:
        """Return what the configs of a model, the outermost first, say of audio.

        Raises:
            UserError: the model hears, but its audio has no places of its own in the prompt.

        """
        inner = [getattr(config, "audio_config", None) for config in configs]
        known = [config for config in (*configs, *inner) if config is not None]
        audio = next((i for c in known if (i := getattr(c, "audio_token_id", None)) is not None), None)
        hears = any(config is not None for config in inner)
        if audio is None and hears and not any(hasattr(config, "audio_token_id") for config in known):
            raise UserError(
                f"token reduction: {name} adds its audio to the text's own tokens (its config names no "
                "audio_token_id), so there are no audio tokens to drop"
            )
        ends: dict[int, None] = {}
        for names in ENDS:
            for spelling in names:
                found = next((i for c in known if (i := getattr(c, spelling, None)) is not None), None)
                if found is not None:
                    ends[found] = None
        return cls(audio, tuple(ends))


def refuse_unlike(text: Any, name: str) -> None:
    """Refuse a decoder whose attention or layers aren't built like Llama's.

    Args:
        text: the module with `layers`, `norm` and `rotary_emb`.
        name: of the model's class.

    Raises:
        UserError: in what it differs.

    """
    config, layer = text.config, text.layers[0] if len(text.layers) else None
    if _slides(config):
        raise UserError(
            f"token reduction: {name} uses sliding-window attention, where distance counts dropped tokens; "
            "load it with sliding_window=None, or use_sliding_window=False"
        )
    if layer is None:
        return
    attention = getattr(layer, "self_attn", None)
    fused = type(attention).__name__ in FUSED
    own = ("head_dim",) if fused else ("q_proj", "k_proj", "head_dim")
    lacking = [part for part in own if not hasattr(attention, part)]
    rotated = 1.0 if fused else _partial(config)
    if lacking:
        differs = f"its attention has no {' and '.join(lacking)} of its own"
    elif rotated != 1:
        differs = f"it turns {rotated:g} of a head's width with the position, not all of it"
    elif "per_layer_input" in inspect.signature(layer.forward).parameters:
        differs = "its layers read inputs of their own for every token"
    else:
        return
    raise UserError(
        f"token reduction: {name} is not built like Llama or Qwen2: {differs}; it can be evaluated with "
        "method base"
    )


def _slides(config: Any) -> bool:
    """Whether any layer attends within a window shorter than the longest prompt."""
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return any(kind in ("sliding_attention", "chunked_attention") for kind in kinds)
    window = getattr(config, "sliding_window", None)
    longest = getattr(config, "max_position_embeddings", None)
    return (
        window is not None
        and getattr(config, "use_sliding_window", True)
        and (longest is None or window < longest)
    )


def _partial(config: Any) -> float:
    """Return the share of a head's width that rotary embeddings turn."""
    rope = getattr(config, "rope_parameters", None)
    inside = rope.get("partial_rotary_factor") if isinstance(rope, dict) else None
    return float(inside or getattr(config, "partial_rotary_factor", None) or 1.0)
