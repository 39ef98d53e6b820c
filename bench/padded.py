"""A batch of prompts of different lengths: each attending by itself, against one mask over all.

Prefills of a decoder with random weights, padded on the left: with the mask that the installed transformers
makes for scaled dot-product attention, and with ours (`earmark.models.ragged`), in turns, CPU seconds of
one thread, the fastest of each. The states of real tokens must agree.

    python bench/padded.py [--quick] [--rounds 5]

The last line is JSON: `padded_ratio_<tokens>` is the masked prefill's time / ours, for five prompts of which
the longest has so many tokens and the shortest an eighth less. There is nothing to measure on a GPU, where
transformers' mask is taken.
"""

from __future__ import annotations

import json
import time

import library  # noqa: F401  (where earmark lies)
import torch
import typer
from torch import Tensor
from transformers import Qwen2Config, Qwen2Model

from earmark.core.allocator import keep_freed_memory
from earmark.models import ragged

PROMPTS = 5


def decoder(attention: str, quick: bool) -> Qwen2Model:
    """Return a decoder of the timing model's width; smaller for a smoke run."""
    torch.manual_seed(0)
    width = 128 if quick else 512
    config = Qwen2Config(
        vocab_size=50,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=2,
    )
    config._attn_implementation = attention
    return Qwen2Model(config).eval()


def batch(longest: int, width: int) -> tuple[Tensor, Tensor]:
    """Return embeddings [prompts, longest, width] and which of them are there."""
    missing = torch.linspace(longest / 8, 0, PROMPTS).round().long()
    there = torch.arange(longest) >= missing[:, None]
    return torch.randn(PROMPTS, longest, width, generator=torch.Generator().manual_seed(1)), there.long()


@torch.inference_mode()
def main(device: str = "cpu", quick: bool = False, rounds: int = 5) -> None:
    """Time both ways at three lengths."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as every job does
    both = {name: decoder(name, quick) for name in ("sdpa", ragged.NAME)}
    found = {}
    for longest in (80, 160) if quick else (75, 300, 1200):
        states, there = batch(longest, both["sdpa"].config.hidden_size)
        best: dict[str, float] = {}
        made: list[Tensor] = []
        for number in range(1 if quick else rounds):
            for name, model in both.items():
                started = time.process_time()
                out = model(inputs_embeds=states, attention_mask=there, use_cache=False).last_hidden_state
                spent = time.process_time() - started
                best[name] = min(best.get(name, spent), spent)
                if number == 0:
                    made.append(out[there.bool()])
        torch.testing.assert_close(*made, atol=1e-4, rtol=1e-4)
        print(f"{longest} tokens: " + ", ".join(f"{name} {spent:.3f} s" for name, spent in best.items()))
        found[f"padded_ratio_{longest}"] = best["sdpa"] / best[ragged.NAME]
    print(json.dumps({"bench": "padded", "quick": quick, "device": "cpu", "metrics": found}))


if __name__ == "__main__":
    typer.run(main)
