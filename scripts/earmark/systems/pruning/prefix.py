"""Layers that several methods have in common, computed once per batch.

Methods that drop tokens before layer K read what layers 0..K-1 gave, which depends on the prompt
alone. The first prefill of a batch leaves the outputs of these layers and their cache; the others
start from there. The replayed tensors are the very ones that were computed, so answers are those of
a run alone; the time the shared layers took is counted for each.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from earmark.core.timing import synchronise


def shared(
    prefix: Prefix | None, model: Any, cache: Any, depth: int | None
) -> tuple[float, contextlib.AbstractContextManager[None]]:
    """Return what to prefill within, and the seconds that need not be spent again.

    ``depth`` is how many layers of this run read the whole prompt, None for all.
    """
    if prefix is None:
        return 0.0, contextlib.nullcontext()
    layers = prefix.depth if depth is None else min(depth, prefix.depth)
    if prefix.captured:
        return prefix.seconds[layers], prefix.replay(model, cache, layers)
    if layers == prefix.depth:
        return 0.0, prefix.capture(model, cache)
    return 0.0, contextlib.nullcontext()


class Prefix:
    """What the first ``depth`` layers of one batch's prefill gave."""

    def __init__(self, depth: int, device: torch.device) -> None:
        self.depth = depth
        self.device = device
        self.seconds = [0.0] * (depth + 1)
        """Seconds from the start of the prefill to the end of the i first layers."""
        self._states: list[Tensor] = []
        self._keys: list[tuple[Tensor, Tensor]] = []

    @property
    def captured(self) -> bool:
        """Whether a prefill has passed."""
        return len(self._keys) == self.depth

    @contextlib.contextmanager
    def capture(self, model: Any, cache: Any) -> Iterator[None]:
        """Keep what the first layers give in the prefill that runs in this context."""
        synchronise(self.device)
        start = time.perf_counter()
        states: list[Tensor] = []  # nothing of a prefill that fails halfway may stay

        def keep(number: int) -> Any:
            def hook(module: Any, args: Any, output: Tensor) -> None:
                synchronise(self.device)
                self.seconds[number + 1] = time.perf_counter() - start
                states.append(output)

            return hook

        handles = [
            layer.register_forward_hook(keep(number))
            for number, layer in enumerate(model.layers[: self.depth])
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        self._states = states
        # The cache grows by new tensors in decoding: those of the prompt stay as they are.
        self._keys = [(cache.layers[i].keys, cache.layers[i].values) for i in range(self.depth)]

    @contextlib.contextmanager
    def replay(self, model: Any, cache: Any, layers: int) -> Iterator[None]:
        """Let the first ``layers`` layers give what was kept instead of computing it."""

        def given(number: int) -> Any:
            def forward(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
                cache.update(*self._keys[number], number)
                return self._states[number]

            return forward

        replayed = list(model.layers[:layers])
        own = [vars(layer).get("forward") for layer in replayed]  # a layer read from disk has one
        for number, layer in enumerate(replayed):
            layer.forward = given(number)  # on the instance: hooks and weights stay as they are
        try:
            yield
        finally:
            for layer, forward in zip(replayed, own, strict=True):
                if forward is None:
                    del layer.forward
                else:
                    layer.forward = forward
