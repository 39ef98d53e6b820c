"""What dropping audio tokens saves in a prefill, and what choosing them costs.

A decoder with random weights (36 M parameters, 12 layers, of the real class) reads 60 s of audio
tokens with and without each method. The sides take turns in one process and the fastest of the
repeats counts, in CPU seconds on a CPU, so that a busy neighbour does not decide. Beside every
speed-up stands the one expected from floating-point operations alone.

    python bench/reduction.py [--device cuda] [--quick]

The last line is JSON: `<method>_speedup_ratio_<keep>` is time of the plain prefill / time of the
reduced one, `<method>_selection_share` the time for choosing and gathering / time of the plain one.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
import typer
from torch import Tensor
from transformers import Qwen2Config, Qwen2Model

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import available, load

LAYER, TEXT_BEFORE, TEXT_AFTER = 2, 20, 20
TOKENS_PER_SECOND = 25


def decoder(device: str) -> Any:
    """The moderate decoder, without embeddings of any size: the prompts are embeddings already."""
    config = Qwen2Config(
        vocab_size=8,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=12,
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=32768,
    )
    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    return Qwen2Model(config).eval().to(device, dtype)


def operations(config: Any, before: int, after: int) -> float:
    """Floating-point operations of a prefill with `after` tokens from layer LAYER on, causal."""
    width, ffn = config.hidden_size, config.intermediate_size
    kv = width * config.num_key_value_heads // config.num_attention_heads

    def layer(n: int) -> float:
        return 2 * n * (2 * width * width + 2 * width * kv + 3 * width * ffn) + 2 * n * n * width

    return LAYER * layer(before) + (config.num_hidden_layers - LAYER) * layer(after)


def timed(run: Callable[[], object], device: str) -> float:
    """Seconds of one run: of this process on a CPU, of the clock on a GPU."""
    if not device.startswith("cuda"):
        started = time.process_time()
        run()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def prefill(model: Any, states: Tensor, audio: Tensor, reduction: TokenReduction | None) -> None:
    """One prefill, plain or reduced; the hooks are part of what is timed."""
    with torch.no_grad(), reduction or nullcontext():
        if reduction is not None:
            reduction.expect(audio_mask=audio, sample_ids=["bench"])
        model(inputs_embeds=states, use_cache=True)


def main(device: str = "cpu", quick: bool = False, repeats: int = 0, seconds: int = 0) -> None:
    """Time all methods at several ratios; 0 means the default for --quick or not."""
    torch.set_num_threads(1)
    keeps = (0.5,) if quick else (0.9, 0.7, 0.5, 0.3, 0.1)
    audio_tokens = TOKENS_PER_SECOND * (seconds or (20 if quick else 60))
    model, prompt = decoder(device), TEXT_BEFORE + audio_tokens + TEXT_AFTER
    states = torch.randn(1, prompt, model.config.hidden_size, dtype=model.dtype).to(device)
    audio = torch.zeros(1, prompt, dtype=torch.bool, device=device)
    audio[:, TEXT_BEFORE : TEXT_BEFORE + audio_tokens] = True

    names = [name for name in available() if name != "base"]
    sides: dict[tuple[str, float], TokenReduction | None] = {("plain", 1.0): None}
    sides[("base", 1.0)] = TokenReduction(model, load("base"), layer=LAYER)
    for name in names:
        for keep in keeps:
            sides[(name, keep)] = TokenReduction(model, load(name), keep_ratio=keep, layer=LAYER)
    best = dict.fromkeys(sides, float("inf"))
    cost = dict.fromkeys(sides, float("inf"))
    for turn in range(1 + (repeats or 3)):
        for side, reduction in sides.items():
            seconds_taken = timed(partial(prefill, model, states, audio, reduction), device)
            if turn == 0:  # warm-up
                continue
            best[side] = min(best[side], seconds_taken)
            if reduction is not None:
                record = reduction.records[0]
                cost[side] = min(cost[side], record.selection_s + record.gather_s)

    plain = best[("plain", 1.0)]
    full = operations(model.config, prompt, prompt)
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    print(f"{millions:.0f} M parameters, {prompt} tokens, K={LAYER}, {device}, {model.dtype}")
    print(f"plain prefill {plain * 1e3:.1f} ms")
    print(
        f"{'method':8} {'keep':>5} {'prefill ms':>11} {'speed-up':>9} {'FLOPs say':>10}"
        f" {'choose+gather ms':>17} {'share of plain':>15}"
    )
    metrics: dict[str, float] = {}
    for (name, keep), taken in best.items():
        if name == "plain":
            continue
        left = prompt - audio_tokens + round(keep * audio_tokens)
        ideal, spent = full / operations(model.config, prompt, left), cost[(name, keep)]
        print(
            f"{name:8} {keep:5.2f} {taken * 1e3:11.1f} {plain / taken:9.2f} {ideal:10.2f}"
            f" {spent * 1e3:17.2f} {spent / plain:15.2%}"
        )
        metrics[f"{name}_speedup_ratio_{keep}"] = round(plain / taken, 4)
        share = f"{name}_selection_share"
        metrics[share] = max(metrics.get(share, 0.0), round(spent / plain, 5))
    print(json.dumps({"bench": "reduction", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
