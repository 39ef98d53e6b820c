"""Prefill time against keep ratio, every reduced run between unpruned ones, and the FLOP line.

Audio states and weights may be random: time doesn't depend on them. What counts is the ratio to the mean of
the unpruned prefills before and behind, so that a busy machine slows both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.core.seeding import generator
from earmark.reduction.loader import load
from earmark.systems.pruning.asked import Method
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.runner import Decoder
from earmark.systems.pruning.stopwatch import Clock, Pair, Stopwatch, Timed


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
    on_processor: bool = False,
) -> tuple[list[Json], int]:
    """Return one point per method and ratio, and the prompt's length in tokens.

    A round is one prefill of every method at one ratio, in a drawn order, with an unpruned one before and
    behind them. Times are of the wall clock, or ``on_processor``.
    """
    bench = Stopwatch.of_noise(decoder, audio_tokens, seed)
    config, prompt = decoder.model.config, bench.ids.shape[1]
    bench.warm_up([Reduction.of(method, seed, min(ratios)) for method in methods])
    drawn = generator(seed, "prefill")
    rounds = [
        {(methods[number].name, ratio): Reduction.of(methods[number], seed, ratio) for number in order}
        for ratio in sorted(ratios, reverse=True)
        for order in (drawn.permutation(len(methods)) for _ in range(repeats))
    ]
    runs: dict[tuple[str, float], list[Pair]] = {}
    for key, pair in bench.pairs(tqdm(rounds, desc="prefill", unit="round"), on_processor):
        runs.setdefault(key, []).append(pair)
    points = []
    clock: Clock = partial(Timed.by, processor=on_processor)
    for method in methods:
        for ratio in sorted(ratios, reverse=True):
            layer = max(method.layer, load(method.reducer, method.options).lowest_layer)
            found = runs[method.name, ratio]
            left = [prompt - audio_tokens + seen for seen in found[0].reduced.audio]
            if method.kind == "cache":  # drops nothing in the prefill
                left = [prompt] * len(left)
            flops = flop_speedup(config, prompt, left)
            points.append(_point(found, method.name, ratio, layer, flops, clock))
    return points, prompt


def _point(pairs: Sequence[Pair], method: str, ratio: float, layer: int, flops: float, clock: Clock) -> Json:
    """Return the point of the timing record that the runs of one method and ratio give."""
    speedups = [pair.speedup(clock) for pair in pairs]
    return {
        "method": method,
        "keep_ratio": ratio,
        "layer": layer,
        "tokens_after": pairs[0].reduced.kept,
        "prefill_s": min(clock(pair.reduced) for pair in pairs),
        "base_s": min(clock(whole) for pair in pairs for whole in pair.around),
        "select_s": min(pair.reduced.select_s for pair in pairs),
        "speedup": median(speedups),
        "speedup_low": min(speedups),
        "speedup_high": max(speedups),
        "flop_speedup": flops,
    }
