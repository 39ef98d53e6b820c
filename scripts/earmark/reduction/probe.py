"""Attention of any tokens in the layer before the reduction, computed when a method asks for it.

No attention map of the model is needed: queries are projected again, for the tokens asked for alone, and
rows come in blocks. So any attention implementation will do, and memory stays at one block of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from earmark.reduction.decoder import at_hand, capped, fused_rows, heads_of

BLOCK = 128
"""Query tokens whose rows are held at once."""


@dataclass(frozen=True)
class Probe:
    """One decoder layer and what went into it."""

    layer: Any
    hidden: Tensor
    """[rows, prompt, hidden] input of the layer."""
    rotary: tuple[Tensor, Tensor]
    """Cosine and sine, each [rows or 1, prompt, head dim]."""
    real: Tensor
    """[rows, prompt] bool, False at padding."""
    cached: Tensor | None = None
    """[rows, kv heads, prompt, head dim] keys after RoPE, where a cache has them."""

    @cached_property
    def keys(self) -> Tensor:
        """[rows, kv heads, prompt, head dim] keys after RoPE."""
        return heads_of(self.layer, "k", self.hidden, self.rotary) if self.cached is None else self.cached

    def of(self, row: int) -> Probe:
        """Return the same of one row alone."""
        one = slice(row, row + 1)
        cos, sin = (table if len(table) == 1 else table[one] for table in self.rotary)
        cached = None if self.cached is None else self.cached[one]
        return Probe(self.layer, self.hidden[one], (cos, sin), self.real[one], cached)

    def weight(self, kind: Literal["q", "k"]) -> Tensor:
        """Return the layer's projection to queries or keys, [heads * head dim, hidden]."""
        with at_hand(self.layer):
            attention = self.layer.self_attn
            if hasattr(attention, "qkv_proj"):
                weight: Tensor = attention.qkv_proj.weight[fused_rows(attention, kind)].clone()
            else:
                weight = getattr(attention, f"{kind}_proj").weight.clone()
        return weight

    def logits(self, queries: Tensor, rope: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield scaled products of queries and keys, nothing masked, block by block.

        Args:
            queries: [rows, prompt] bool, the tokens to ask; a block has every row's token at its columns,
                also where a row doesn't want it.
            rope: after rotary embedding, or before.

        Yields:
            The columns of a block [n], and its products [rows, heads, n, prompt] in float32.

        """
        keys = self.keys if rope else heads_of(self.layer, "k", self.hidden, None)
        for columns in queries.any(0).nonzero()[:, 0].split(BLOCK):
            cos, sin = (table[:, columns] for table in self.rotary)
            asked = heads_of(self.layer, "q", self.hidden[:, columns], (cos, sin) if rope else None)
            grouped = asked.unflatten(1, (keys.shape[1], -1))
            products = (grouped @ keys.transpose(-1, -2).unsqueeze(2)).float() * self.layer.self_attn.scaling
            yield columns, capped(self.layer, products).flatten(1, 2)

    def attention(self, queries: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the attention of some tokens: their columns [n], and rows [rows, heads, n, prompt].

        Each real token's row sums to 1 over the tokens up to itself. ``queries`` as in :meth:`logits`.
        """
        places = torch.arange(self.hidden.shape[1], device=self.hidden.device)
        for columns, products in self.logits(queries):
            own = places == columns[:, None]
            seen = (places <= columns[:, None]) & (self.real[:, None, None] | own)
            yield columns, products.masked_fill(~seen, -torch.inf).softmax(dim=-1)
