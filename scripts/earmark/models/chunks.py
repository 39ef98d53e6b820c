"""Prefill in chunks: each decoder layer takes the prompt piece by piece.

The pieces of one layer run one after the other, each attending to the cache of those before it, and
only then does the next layer begin. So what a layer needs beside its weights (queries, the wide
feed-forward states, the scores of attention) is that of one piece, whatever reduces or compresses
the prompt between layers sees the whole of it, and weights brought in for a layer are brought in
once. Nothing but the rounding of sums differs from a prefill in one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def in_chunks(layer: Any, size: int) -> None:
    """Make a decoder layer take at most ``size`` tokens at a time; needs a cache to go on from."""
    whole = layer.forward

    def forward(
        hidden_states: Tensor,
        attention_mask: Any = None,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        **kwargs: Any,
    ) -> Tensor:
        tokens = hidden_states.shape[1]
        if past_key_values is None or tokens <= size:
            done: Tensor = whole(
                hidden_states,
                attention_mask=attention_mask,
                position_embeddings=position_embeddings,
                position_ids=position_ids,
                past_key_values=past_key_values,
                **kwargs,
            )
            return done
        assert position_embeddings is not None
        past = past_key_values.get_seq_length(layer.self_attn.layer_idx)
        flash = "flash" in layer.self_attn.config._attn_implementation
        output = torch.empty_like(hidden_states)
        for start in range(0, tokens, size):
            end = min(start + size, tokens)
            output[:, start:end] = whole(
                hidden_states[:, start:end],
                attention_mask=_mask(attention_mask, start, end, past, flash, hidden_states.device),
                position_embeddings=tuple(table[:, start:end] for table in position_embeddings),
                position_ids=None if position_ids is None else position_ids[..., start:end],
                past_key_values=past_key_values,
                **kwargs,
            )
        return output

    layer.forward = forward


def _mask(mask: Any, start: int, end: int, past: int, flash: bool, device: torch.device) -> Any:
    """Return the rows of the mask that belong to queries ``start`` to ``end``, up to what they may see."""
    if mask is not None and mask.dim() == 2:  # [rows, keys], causal by itself and aligned to the end
        return mask[:, : past + end]
    if mask is not None:
        return mask[..., start:end, : past + end]
    if flash or (start == 0 and past == 0):
        return None  # causal by itself
    # sdpa aligns its own causal mask to the beginning, so queries behind a cache need one.
    keys = torch.arange(past + end, device=device)
    return (keys <= keys[past + start :, None])[None, None]
