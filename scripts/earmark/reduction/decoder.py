"""The decoder inside a model, and what can be computed from one of its layers.

Serves every decoder that transformers builds like Qwen2's: `layers`, `norm` and `rotary_emb` beside
each other, `input_layernorm` and `self_attn.{q,k}_proj` in a layer, rotary tables handed to each
layer as `position_embeddings`. Read from transformers 5.23.0.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from earmark.errors import UserError


@dataclass(frozen=True)
class Decoder:
    """The text decoder of a model and the ids that mark audio in its prompts."""

    text: Any
    """The module with `layers`, `norm` and `rotary_emb`."""
    wrappers: tuple[nn.Module, ...]
    """The modules around it, outermost first; they see `input_ids` where the decoder does not."""
    audio_id: int | None
    """Id of the audio placeholder; None if the config names none."""
    boundary_ids: tuple[int, ...]
    """Ids of the tokens that open and close an audio span; empty if the config names none."""

    @classmethod
    def of(cls, model: nn.Module) -> "Decoder":
        """Find the decoder.

        Raises:
            UserError: there is none of the supported shape, or it uses sliding windows.

        """
        path: list[Any] = [model]
        while not _is_decoder(path[-1]):
            inner = (getattr(path[-1], name, None) for name in ("thinker", "language_model", "model"))
            found = next((module for module in inner if isinstance(module, nn.Module)), None)
            if found is None:
                raise UserError(
                    f"token reduction: {type(model).__name__} holds no decoder built like Qwen2's; "
                    "pass a Qwen2, Qwen2-Audio or Qwen2.5-Omni thinker model"
                )
            path.append(found)
        text = path[-1]
        if "sliding_attention" in (getattr(text.config, "layer_types", None) or ()):
            raise UserError(
                f"token reduction: {type(model).__name__} uses sliding-window attention, where "
                "distance counts dropped tokens; load it with use_sliding_window=False"
            )
        configs = [getattr(module, "config", None) for module in path]
        config = next((c for c in configs if getattr(c, "audio_token_id", None) is not None), None)
        ends = [getattr(config, f"audio_{end}_token_id", None) for end in ("start", "end")]
        return cls(
            text,
            tuple(path[:-1]),
            getattr(config, "audio_token_id", None),
            tuple(end for end in ends if end is not None),
        )


def _is_decoder(module: nn.Module) -> bool:
    return all(hasattr(module, name) for name in ("layers", "norm", "rotary_emb"))


def argument(module: nn.Module, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The argument `name` of a call to `module.forward`, however it was passed; None if absent."""
    return (
        inspect.signature(module.forward).bind_partial(*args, **kwargs).arguments.get(name, kwargs.get(name))
    )


def keys_of(layer: Any, hidden: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Keys a layer makes of its input: [rows, n, hidden] -> [rows, kv heads, n, head dim]."""
    return _heads(layer, "k", hidden, rotary)


def last_token_attention(
    layer: Any, hidden: Tensor, rotary: tuple[Tensor, Tensor], keys: Tensor, real: Tensor
) -> Tensor:
    """Attention of the last prompt token in one layer, mean over heads.

    Args:
        layer: the decoder layer.
        hidden: [rows, prompt, hidden] input of the layer.
        rotary: cosine and sine, each [rows or 1, prompt, head dim].
        keys: [rows, kv heads, prompt, head dim] keys of the layer, post-RoPE.
        real: [rows, prompt] bool, False at padding.

    Returns:
        [rows, prompt] float32, rows sum to 1.

    """
    cos, sin = rotary
    query = _heads(layer, "q", hidden[:, -1:], (cos[:, -1:], sin[:, -1:]))
    # Query heads that share a key head stand next to each other; the keys are not repeated.
    rows, kv_heads, _, head_dim = keys.shape
    query = query.view(rows, kv_heads, -1, head_dim)
    scores = (query @ keys.transpose(-1, -2)) * layer.self_attn.scaling
    scores = scores.float().masked_fill(~real[:, None, None], -torch.inf)
    row: Tensor = scores.softmax(dim=-1).mean(dim=(1, 2))
    return row


def _heads(layer: Any, kind: str, hidden: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Queries or keys of a layer, after RoPE: [rows, heads, n, head dim]."""
    attention = layer.self_attn
    states = getattr(attention, f"{kind}_proj")(layer.input_layernorm(hidden))
    states = states.unflatten(-1, (-1, attention.head_dim))
    head_norm = getattr(attention, f"{kind}_norm", None)  # Qwen3 normalises each head
    states = (states if head_norm is None else head_norm(states)).transpose(1, 2)
    cos, sin = (table.unsqueeze(1) for table in rotary)
    low, high = states.chunk(2, dim=-1)
    rotated: Tensor = states * cos + torch.cat([-high, low], dim=-1) * sin
    return rotated
