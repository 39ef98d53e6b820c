"""What a cache-compression method is given and what it must return.

A method is one file in this folder with one frozen dataclass derived from `Compressor`; users call
it `kv-` and its file's name. Its `score` rates the entries of one layer's cache right after that
layer's prefill; the best rated of those that may go are kept, as many as the budget says. Finding
the audio, counting, gathering, masks, positions and records are in `hooks.py`.

These methods save memory and make decoding faster. They don't shorten the prefill: by the time an
entry is dropped, its layer has computed it.

Shapes: `rows` is the batch, `prompt` the padded prompt length.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from earmark.reduction.contract import Method
from earmark.reduction.decoder import attention_rows, heads_of
from earmark.reduction.prompt import Outline


@dataclass(frozen=True)
class Entries:
    """One layer's cache after its prefill, and what it was made of."""

    keys: Tensor
    """[rows, kv heads, prompt, head dim], after RoPE."""
    values: Tensor
    """[rows, kv heads, prompt, head dim]."""
    hidden: Tensor
    """[rows, prompt, hidden] input of the layer."""
    layer: Any
    """The decoder layer."""
    number: int
    """Which layer, from 0."""
    rotary: tuple[Tensor, Tensor]
    """Cosine and sine of the prompt, each [rows or 1, prompt, head dim]."""
    ahead: Callable[[int], tuple[Tensor, Tensor]]
    """Cosine and sine of the next n positions, each [rows, n, head dim]."""
    outline: Outline
    """Which entries are real, which may go and how many stay."""
    seed: int = 0

    @property
    def real(self) -> Tensor:
        """[rows, prompt] bool, False at padding."""
        return self.outline.real

    @property
    def scaling(self) -> float:
        """What attention multiplies its products with, 1/sqrt(head dim)."""
        return float(self.layer.self_attn.scaling)

    def queries(self) -> Tensor:
        """Queries before RoPE, [rows, kv heads, query heads of each, prompt, head dim]."""
        queries = heads_of(self.layer, "q", self.hidden, None)
        return queries.unflatten(1, (self.keys.shape[1], -1))

    def attention(self, count: int) -> Tensor:
        """Attention of the last `count` tokens, [rows, kv heads, query heads of each, count, prompt]."""
        return attention_rows(self.layer, self.hidden, self.rotary, self.keys, self.real, count)


@dataclass(frozen=True)
class Compressor(Method):
    """A cache-compression method: its fields are its options."""

    kind: ClassVar[Literal["tokens", "cache"]] = "cache"
    prefix: ClassVar[str] = "kv-"

    def reference_tokens(self, length: int, drop: float) -> int:
        """The share of the whole prompt that kvpress keeps, rounded down."""
        return int(length * (1 - drop))

    @abstractmethod
    def score(self, entries: Entries) -> Tensor:
        """Rate every entry, the higher the better: [rows, kv heads or 1, prompt].

        Entries that may not go, padding among them, are kept or left out whatever their score. Equal
        scores: the earlier entry is kept.
        """


def order_of(mask: Tensor) -> Tensor:
    """Number the True places of each row [rows, prompt] from 0; meaningless elsewhere."""
    return mask.cumsum(1) - 1


def first(scores: Tensor, mask: Tensor) -> Tensor:
    """Put the entries of `mask` [rows, prompt] above all others, the latest of them highest.

    The others follow in the order of their scores: [rows, heads, prompt] float32.
    """
    ranks = scores.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return torch.where(mask[:, None], places, -ranks).float()
