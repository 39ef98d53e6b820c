"""A method of token reduction with its budget, ready to be put on a decoder."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Self

from earmark.compression.hooks import CacheCompression
from earmark.reduction.context import PrefillContext
from earmark.reduction.contract import Method
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.systems.pruning.asked import Method as Asked


@dataclass(frozen=True)
class Reduction:
    """Which method runs, with what budget, before which layer."""

    reducer: Method
    keep_ratio: float | None
    keep_tokens: int | None
    layer: int
    seed: int
    reference: bool
    renumber: bool = False

    @classmethod
    def of(cls, asked: Asked, seed: int, keep_ratio: float | None, keep_tokens: int | None = None) -> Self:
        """Return what config asks of a method, with a budget."""
        reducer = load(asked.reducer, asked.options)
        return cls(reducer, keep_ratio, keep_tokens, asked.layer, seed, asked.reference, asked.renumber)

    @property
    def depth(self) -> int | None:
        """How many layers read the whole prompt and cache it as it is; None for all of them."""
        if self.reducer.kind == "cache":
            return 0
        return None if self.reducer.keeps_all else max(self.layer, self.reducer.lowest_layer)

    def on(self, model: Any) -> contextlib.AbstractContextManager[PrefillContext[Any] | None]:
        """Return the hooks, or nothing at all for a method that keeps everything."""
        if self.reducer.keeps_all:
            return contextlib.nullcontext()
        shared: dict[str, Any] = {
            "keep_ratio": self.keep_ratio,
            "keep_tokens": self.keep_tokens,
            "seed": self.seed,
            "reference": self.reference,
        }
        if self.reducer.kind == "cache":
            return CacheCompression(model, self.reducer, **shared)
        return TokenReduction(model, self.reducer, layer=self.layer, renumber=self.renumber, **shared)
