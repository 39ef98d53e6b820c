"""Prefill time against keep ratio, every reduced run beside an unpruned one, and the FLOP line.

Audio states and weights may be random: time doesn't depend on them. Ratios are taken within a
round run side by side, so that a busy machine slows both sides.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.core.timing import synchronise
from earmark.reduction.loader import load
from earmark.systems.pruning.asked import Method
from earmark.systems.pruning.runner import Decoder, Reduction

PROMPT = "What is heard?\nA. x\nB. x\nC. x\nD. x\nAnswer with the letter only."


def layer_flops(config: Any, tokens: int) -> float:
    """Return the floating-point operations of one decoder layer over ``tokens``, causal attention.

    Two per multiply-add: projections (q, k, v, o), the gated feed-forward's three, and half a square
    of scores and mixes.
    """
    hidden = config.hidden_size
    head = getattr(config, "head_dim", None) or hidden // config.num_attention_heads
    queries, keys = config.num_attention_heads * head, config.num_key_value_heads * head
    linear = 2 * tokens * (2 * hidden * queries + 2 * hidden * keys + 3 * hidden * config.intermediate_size)
    return float(linear + 2 * tokens * tokens * queries)


def flop_speedup(config: Any, prompt: int, left: Sequence[int]) -> float:
    """Return what a machine limited by arithmetic alone would gain.

    Args:
        config: the decoder's.
        prompt: tokens of the whole prompt.
        left: tokens of it that each layer sees.

    """
    reduced = sum(layer_flops(config, tokens) for tokens in left)
    return len(left) * layer_flops(config, prompt) / reduced


class Run(NamedTuple):
    """One reduced prefill and the unpruned one of its round."""

    full_s: float
    seconds: float
    select_s: float
    kept: int
    audio: tuple[int, ...]
    """Audio tokens that each layer saw."""


class Bench:
    """Prefills one prompt over and over, with and without reduction."""

    def __init__(self, decoder: Decoder, audio_tokens: int, seed: int) -> None:
        ids = decoder.prompt_ids(PROMPT, None, audio_tokens)
        self.decoder = decoder
        self.ids = torch.tensor([ids], device=decoder.device)
        self.mask = torch.ones_like(self.ids)
        self.positions = torch.arange(len(ids), device=decoder.device)[None]
        width = decoder.model.config.hidden_size
        states = torch.randn(audio_tokens, width, generator=torch.Generator().manual_seed(seed)) * 0.1
        self.embeddings: Tensor = decoder.embed(self.ids, [states])

    @torch.inference_mode()
    def once(self, reduction: Reduction) -> tuple[float, float, int, tuple[int, ...]]:
        """Return seconds of a prefill and of choosing within it, tokens kept, and those each layer saw."""
        decoder, layers = self.decoder, len(self.decoder.model.layers)
        cache = DynamicCache(config=decoder.model.config)
        with reduction.on(decoder.model) as hooks:
            if hooks is not None:
                hooks.expect(self.ids == decoder.audio_id, ["bench"])
            synchronise(decoder.device)
            start = time.perf_counter()
            decoder.forward(self.embeddings, self.mask, self.positions, cache)
            synchronise(decoder.device)
            seconds = time.perf_counter() - start
            if hooks is None:
                audio = int((self.ids == decoder.audio_id).sum())
                return seconds, 0.0, audio, (audio,) * layers
            record = hooks.records[0]
            seen = tuple(record.tokens_at(number) for number in range(layers))
            return seconds, record.selection_s, record.tokens_after, seen


def measure(
    decoder: Decoder,
    methods: Sequence[Method],
    ratios: Sequence[float],
    audio_tokens: int,
    repeats: int,
    seed: int,
) -> tuple[list[Json], int]:
    """Return one point per method and ratio, and the prompt's length in tokens.

    A round is one unpruned prefill and one of every method at one ratio, side by side.
    """
    bench = Bench(decoder, audio_tokens, seed)
    config, prompt = decoder.model.config, bench.ids.shape[1]
    base = Reduction(load("base"), None, None, 0, seed, False)
    bench.once(base)
    points = []
    rounds = [(ratio, number) for ratio in sorted(ratios, reverse=True) for number in range(repeats)]
    runs: dict[tuple[str, float], list[Run]] = {}
    for ratio, number in tqdm(rounds, desc="prefill", unit="round"):
        reductions = {m.name: _reduction(m, ratio, seed) for m in methods}
        if number == 0 and ratio == max(ratios):
            for reduction in reductions.values():
                bench.once(reduction)
        full = bench.once(base)[0]
        for name, reduction in reductions.items():
            runs.setdefault((name, ratio), []).append(Run(full, *bench.once(reduction)))
    for method in methods:
        for ratio in sorted(ratios, reverse=True):
            layer = max(method.layer, _reduction(method, ratio, seed).reducer.lowest_layer)
            found = runs[method.name, ratio]
            left = [prompt - audio_tokens + seen for seen in found[0].audio]
            if method.kind == "cache":  # drops nothing in the prefill
                left = [prompt] * len(left)
            points.append(_point(found, method.name, ratio, layer, flop_speedup(config, prompt, left)))
    return points, prompt


def _reduction(method: Method, ratio: float, seed: int) -> Reduction:
    reducer = load(method.reducer, method.options)
    return Reduction(reducer, ratio, None, method.layer, seed, method.reference, method.renumber)


def _point(runs: Sequence[Run], method: str, ratio: float, layer: int, flops: float) -> Json:
    """Return the point of the timing record that the runs of one method and ratio give."""
    speedups = np.array([run.full_s / run.seconds for run in runs])
    return {
        "method": method,
        "keep_ratio": ratio,
        "layer": layer,
        "tokens_after": runs[0].kept,
        "prefill_s": min(run.seconds for run in runs),
        "base_s": min(run.full_s for run in runs),
        "select_s": min(run.select_s for run in runs),
        "speedup": float(np.median(speedups)),
        "speedup_low": float(speedups.min()),
        "speedup_high": float(speedups.max()),
        "flop_speedup": flops,
    }
