"""The decoder inside a model, and what can be computed from one of its layers.

Serves every decoder that transformers builds like Qwen2's: `layers`, `norm` and `rotary_emb` beside
each other, `input_layernorm` and `self_attn.{q,k}_proj` in a layer (or Phi's one `qkv_proj`), rotary
tables handed to each layer as `position_embeddings`. Read from transformers 5.23.0.
"""

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from earmark.core.errors import UserError
from earmark.reduction.supported import AudioMarks, refuse_unlike


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
                    f"token reduction: {type(model).__name__} holds no decoder with `layers`, `norm` and "
                    "`rotary_emb` beside each other, as the classes built like Llama or Qwen2 have; "
                    "docs/add_a_model_family.md says what a model needs"
                )
            path.append(found)
        text, name = path[-1], type(model).__name__
        refuse_unlike(text, name)
        marks = AudioMarks.of([getattr(module, "config", None) for module in path], name)
        return cls(text, tuple(path[:-1]), marks.audio, marks.ends)

    def rotary(self, positions: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine, each [rows, n, head dim], of text at positions [rows, n]."""
        # In mRoPE text has the same position in time, height and width.
        if hasattr(self.text.rotary_emb, "mrope_section"):
            positions = positions.expand(3, *positions.shape)
        kinds = {"layer_type": "full_attention"} if _by_layer_type(self.text.rotary_emb) else {}
        cos, sin = self.text.rotary_emb(like, positions, **kinds)
        return cos, sin


def _by_layer_type(rotary: nn.Module) -> bool:
    """Whether a rotary embedding has tables for each kind of layer, as Gemma 3's."""
    return "layer_type" in inspect.signature(rotary.forward).parameters


def _is_decoder(module: nn.Module) -> bool:
    return all(hasattr(module, name) for name in ("layers", "norm", "rotary_emb"))


def argument(module: nn.Module, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The argument `name` of a call to `module.forward`, however it was passed; None if absent."""
    return (
        inspect.signature(module.forward).bind_partial(*args, **kwargs).arguments.get(name, kwargs.get(name))
    )


def heads_of(
    layer: Any, kind: Literal["q", "k"], hidden: Tensor, rotary: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Queries or keys a layer makes of its input, after RoPE or, without tables, before it.

    Args:
        layer: the decoder layer.
        kind: which of them.
        hidden: [rows, n, hidden] input of the layer.
        rotary: cosine and sine, each [rows or 1, n, head dim].

    Returns:
        [rows, heads, n, head dim].

    """
    attention = layer.self_attn
    with at_hand(layer):
        states = projected(attention, kind, layer.input_layernorm(hidden))
        states = states.unflatten(-1, (-1, attention.head_dim))
        head_norm = getattr(attention, f"{kind}_norm", None)  # Qwen3 normalises each head
        states = (states if head_norm is None else head_norm(states)).transpose(1, 2)
    return states if rotary is None else rotated(states, *(table.unsqueeze(1) for table in rotary))


def fused_rows(attention: Any, kind: Literal["q", "k"]) -> slice:
    """Return where queries or keys lie in Phi's one projection: queries, keys and values in this order."""
    queries = attention.config.num_attention_heads * attention.head_dim
    keys = attention.config.num_key_value_heads * attention.head_dim
    return slice(0, queries) if kind == "q" else slice(queries, queries + keys)


def projected(attention: Any, kind: Literal["q", "k"], states: Tensor) -> Tensor:
    """Return queries or keys [rows, n, heads * head dim] of states [rows, n, hidden]."""
    if hasattr(attention, "qkv_proj"):
        found: Tensor = attention.qkv_proj(states)[..., fused_rows(attention, kind)]
    else:
        found = getattr(attention, f"{kind}_proj")(states)
    return found


def rotated(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply RoPE along the last dimension; the tables broadcast, and reach as far as they are wide."""
    turned, rest = states[..., : cos.shape[-1]], states[..., cos.shape[-1] :]
    low, high = turned.chunk(2, dim=-1)
    turned = turned * cos + torch.cat([-high, low], dim=-1) * sin
    return torch.cat([turned, rest], dim=-1) if rest.shape[-1] else turned


def attention_rows(
    layer: Any, hidden: Tensor, rotary: tuple[Tensor, Tensor], keys: Tensor, real: Tensor, count: int
) -> Tensor:
    """Attention of the last ``count`` prompt tokens in one layer; no other row is computed.

    Args:
        layer: the decoder layer.
        hidden: [rows, prompt, hidden] input of the layer.
        rotary: cosine and sine, each [rows or 1, prompt, head dim].
        keys: [rows, kv heads, prompt, head dim] keys of the layer, post-RoPE.
        real: [rows, prompt] bool, False at padding.
        count: number of queries, counted from the end.

    Returns:
        [rows, kv heads, query heads of each, count, prompt] float32; the rows of real tokens sum to 1.

    """
    cos, sin = rotary
    queries = heads_of(layer, "q", hidden[:, -count:], (cos[:, -count:], sin[:, -count:]))
    # Query heads that share a key head stand next to each other; the keys are not repeated.
    prompt = keys.shape[2]
    queries = queries.unflatten(1, (keys.shape[1], -1))
    scores = (queries @ keys.transpose(-1, -2).unsqueeze(2)).float() * layer.self_attn.scaling
    scores = capped(layer, scores)
    places = torch.arange(prompt, device=keys.device)
    seen = places <= places[-count:, None]
    seen = seen & (real[:, None, None, None] | (places == places[-count:, None]))
    return scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)


def capped(layer: Any, scores: Tensor) -> Tensor:
    """Return products of queries and keys as the layer's softmax is given them: Gemma 2 bounds them."""
    cap: float | None = getattr(layer.self_attn, "attn_logit_softcapping", None)
    return cap * torch.tanh(scores / cap) if cap else scores


@contextlib.contextmanager
def at_hand(layer: Any) -> Iterator[None]:
    """Have the weights of a layer in place, where accelerate brings them in for its calls alone."""
    hook = getattr(layer, "_hf_hook", None)
    if hook is not None:
        hook.pre_forward(layer)
    try:
        yield
    finally:
        if hook is not None:
            hook.post_forward(layer, None)
