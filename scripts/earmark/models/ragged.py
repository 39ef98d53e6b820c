"""Attention over rows of different lengths, each by itself, on a CPU.

Prompts of a batch are padded on the left. transformers gives PyTorch's scaled dot-product attention one
boolean mask [rows, 1, n, n] for that, and with a mask the kernel of CPUs computes what it hides, the half
above the diagonal included. A prompt without its padding needs no mask but "causal". So a padded prefill
attends row by row (what that brings: `bench/padded.py`); everything else is left to transformers: rows of
one length, decoding steps, other devices, masks that are more than causal.

Training needs no padding at all. A batch of short rows is padded for nothing (with transcripts of one to ten
words two of five tokens are), and all but attention works on tokens one by one. So its rows may stand one
behind the other as a single row, whose ``lengths`` and :data:`UNMASKED` go along with a forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, causal_mask_function, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "sdpa-by-row"
"""What a config's attention is called for it."""
UNMASKED = {"full_attention": None}
"""The mask of a forward whose rows have no padding, in transformers' form for masks that are made already."""


def implementation(attention: str) -> str:
    """Return the name in transformers of the attention that a model entry asks for."""
    return NAME if attention == "sdpa" else attention


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
    """Return a padded prefill's mask as it is, bool [rows, n], where rows can go by themselves.

    Otherwise what transformers makes of it, for padded rows in training as well: they are short, and many.
    """
    if (
        attention_mask is not None
        and not torch.is_grad_enabled()
        and attention_mask.device.type == "cpu"
        and mask_function is causal_mask_function
        and attention_mask.shape[1] == q_length == kv_length > 1
        and not attention_mask.all()
        and padded_on_the_left(attention_mask)
    ):
        return attention_mask
    return sdpa_mask(
        batch_size, q_length, kv_length, q_offset, kv_offset, mask_function, attention_mask, **options
    )


def padded_on_the_left(there: Tensor) -> bool:
    """Whether in every row of ``there``, bool [rows, n], what is missing comes first, and not all is."""
    return bool(there[:, -1].all()) and bool((there[:, 1:] >= there[:, :-1]).all())


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
    """Attend as transformers' `sdpa` does; a mask [rows, keys] says which tokens of each row are there.

    Args:
        module: the layer's attention.
        query: [rows, heads, n, head dim]; the last n of the keys' places.
        key: [rows, kv heads, keys, head dim].
        value: of the same shape.
        attention_mask: of :func:`mask`, or of its first columns.
        lengths: tokens of rows that stand one behind the other as one; none is masked then.
        options: what transformers passes on.

    Returns:
        [rows, n, heads, head dim], with nothing of worth at padding; and None, for no attention is shown.

    """
    if lengths is not None:
        parts = zip(*(states.split(list(lengths), dim=2) for states in (query, key, value)), strict=True)
        apart = [sdpa_attention_forward(module, *row, None, **options)[0] for row in parts]
        return torch.cat(apart, dim=1), None
    if attention_mask is None or attention_mask.dim() != 2:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    length, counts = query.shape[2], attention_mask.sum(1).tolist()
    if length != key.shape[2] or not all(counts):  # a piece of a prompt
        return sdpa_attention_forward(module, query, key, value, _whole(attention_mask, length), **options)
    rows = []
    for row, count in enumerate(counts):
        own = (states[row : row + 1, :, -count:] for states in (query, key, value))
        attended = sdpa_attention_forward(module, *own, None, **options)[0][0]
        rows.append(nn.functional.pad(attended, (0, 0, 0, 0, length - count, 0)))
    return torch.stack(rows), None


def _whole(there: Tensor, queries: int) -> Tensor:
    """Return the causal mask [rows, 1, queries, keys] of the last ``queries`` tokens."""
    places = torch.arange(there.shape[1], device=there.device)
    return (places <= places[-queries:, None]) & there[:, None, None]


ALL_ATTENTION_FUNCTIONS.register(NAME, attention)
ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, mask)
