"""Rows of different lengths one behind the other, without padding, each attending to itself alone.

A batch of short rows is padded for nothing: with transcripts of one to ten words two of five tokens are. All
but attention works on tokens one by one, so a whole batch goes through a decoder as a single row, and
attention takes it apart again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, causal_mask_function, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "sdpa-packed"
"""What a config's attention is called for it."""


def mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: int = 0,
    kv_offset: int = 0,
    mask_function: Any = causal_mask_function,
    attention_mask: Tensor | None = None,
    **options: Any,
) -> Tensor | None:
    """Return no mask where none is given: a row sees its own tokens alone, those behind each excepted.

    Otherwise, and behind a cache, what transformers makes of it.
    """
    if attention_mask is None and q_length == kv_length:
        return None
    return sdpa_mask(
        batch_size, q_length, kv_length, q_offset, kv_offset, mask_function, attention_mask, **options
    )


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    lengths: Sequence[int] | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend as transformers' `sdpa` does, within rows of ``lengths`` tokens.

    Args:
        module: the layer's attention.
        query: [1, heads, tokens of all rows, head dim].
        key: [1, kv heads, tokens, head dim].
        value: of the same shape.
        attention_mask: none of packed rows.
        lengths: the rows' tokens, which add up to all; None for [rows, heads, tokens, head dim], not packed.
        options: what transformers passes on.

    Returns:
        [1, tokens, heads, head dim], or as many rows as there were; and None, for no attention is shown.

    """
    if lengths is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    rows = zip(*(states.split(list(lengths), dim=2) for states in (query, key, value)), strict=True)
    attended = [sdpa_attention_forward(module, *row, attention_mask, **options)[0] for row in rows]
    return torch.cat(attended, dim=1), None


ALL_ATTENTION_FUNCTIONS.register(NAME, attention)
ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, mask)
