"""Prefill time against keep ratio, every reduced run beside an unpruned one, and the FLOP line.

Audio states and weights may be random: time doesn't depend on them. Ratios are taken within a
round run side by side, so that a busy machine slows both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.reduction.loader import load
from earmark.systems.pruning.asked import Method
from earmark.systems.pruning.runner import Decoder, Reduction
from earmark.systems.pruning.stopwatch import Stopwatch, Timed


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
    bench = Stopwatch.of_noise(decoder, audio_tokens, seed)
    config, prompt = decoder.model.config, bench.ids.shape[1]
    base = Reduction(load("base"), None, None, 0, seed, False)
    bench.once(base)
    points = []
    rounds = [(ratio, number) for ratio in sorted(ratios, reverse=True) for number in range(repeats)]
    runs: dict[tuple[str, float], list[tuple[Timed, Timed]]] = {}
    for ratio, number in tqdm(rounds, desc="prefill", unit="round"):
        reductions = {m.name: _reduction(m, ratio, seed) for m in methods}
        if number == 0 and ratio == max(ratios):
            for reduction in reductions.values():
                bench.once(reduction)
        full = bench.once(base)
        for name, reduction in reductions.items():
            runs.setdefault((name, ratio), []).append((full, bench.once(reduction)))
    for method in methods:
        for ratio in sorted(ratios, reverse=True):
            layer = max(method.layer, _reduction(method, ratio, seed).reducer.lowest_layer)
            found = runs[method.name, ratio]
            left = [prompt - audio_tokens + seen for seen in found[0][1].audio]
            if method.kind == "cache":  # drops nothing in the prefill
                left = [prompt] * len(left)
            points.append(_point(found, method.name, ratio, layer, flop_speedup(config, prompt, left)))
    return points, prompt


def _reduction(method: Method, ratio: float, seed: int) -> Reduction:
    reducer = load(method.reducer, method.options)
    return Reduction(reducer, ratio, None, method.layer, seed, method.reference, method.renumber)


def _point(runs: Sequence[tuple[Timed, Timed]], method: str, ratio: float, layer: int, flops: float) -> Json:
    """Return the point of the timing record that the runs of one method and ratio give."""
    speedups = np.array([full.seconds / run.seconds for full, run in runs])
    return {
        "method": method,
        "keep_ratio": ratio,
        "layer": layer,
        "tokens_after": runs[0][1].kept,
        "prefill_s": min(run.seconds for _, run in runs),
        "base_s": min(full.seconds for full, _ in runs),
        "select_s": min(run.select_s for _, run in runs),
        "speedup": float(np.median(speedups)),
        "speedup_low": float(speedups.min()),
        "speedup_high": float(speedups.max()),
        "flop_speedup": flops,
    }
