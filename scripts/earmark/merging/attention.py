"""Attention that counts a merged token as often as the patches in it: softmax(q k / scale + log size) v."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer import (
    eager_attention_forward,
)

SPARE = 8
"""Channels added to each head: fast kernels want a multiple of eight."""


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, sizes: Tensor | None, **kwargs: Any
) -> tuple[Tensor, Tensor | None]:
    """Call the attention that the model's config names, in proportion to the sizes.

    On a CPU, and where scores are written out, the sizes are an additive mask, which costs nothing there;
    on a GPU a mask would keep the fastest kernels from running, so they are channels of the heads.

    Args:
        module: an ASTAttention.
        query: [rows, heads, tokens, width of a head].
        key: the same shape.
        value: the same shape.
        sizes: [rows, tokens]; None: all ones, the stock attention.
        kwargs: further arguments of the attention function.

    Returns:
        [rows, tokens, heads, width of a head], and the attention's weights where it gives them.

    """
    name: str = module.config._attn_implementation  # type: ignore[union-attr, assignment]
    function: Callable[..., tuple[Tensor, Tensor | None]] = ALL_ATTENTION_FUNCTIONS.get_interface(
        name, eager_attention_forward
    )
    kwargs = {
        "dropout": module.attention_dropout if module.training else 0.0,
        "scaling": module.scaling,
    } | kwargs
    if sizes is None:
        return function(module, query, key, value, None, **kwargs)
    if sizes_as(module, query.device) == "mask":
        return function(module, query, key, value, sizes.log().to(query.dtype)[:, None, None], **kwargs)
    out, weights = function(module, *widened(query, key, value, sizes, kwargs["scaling"]), None, **kwargs)
    return out[..., : value.shape[-1]], weights


def sizes_as(module: nn.Module, device: torch.device) -> str:
    """Return how sizes enter the attention of a model: as a ``mask``, or as ``channels`` of its heads."""
    name = module.config._attn_implementation  # type: ignore[union-attr]
    return "mask" if name == "eager" or device.type == "cpu" else "channels"


def widened(
    query: Tensor, key: Tensor, value: Tensor, sizes: Tensor, scaling: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return query, key and value whose plain attention is the proportional one, padded with zeros.

    Two more channels of a query are 1, and those of a key hold log(size) / scaling: what half precision
    keeps of it, and the rest.
    """
    wanted = (sizes.log() / scaling)[:, None].expand(key.shape[:3])
    high = wanted.to(key.dtype)
    parts = torch.stack([high, (wanted - high).to(key.dtype)], dim=-1)
    ones = query.new_ones(*query.shape[:3], 2)
    return (
        F.pad(torch.cat([query, ones], dim=-1), (0, SPARE - 2)),
        F.pad(torch.cat([key, parts], dim=-1), (0, SPARE - 2)),
        F.pad(value, (0, SPARE)),
    )
