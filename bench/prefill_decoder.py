"""A decoder with random weights, and how its prefills are timed: for prefill.py and reduction.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2Model

TEXT_BEFORE, TEXT_AFTER = 20, 20
TOKENS_PER_SECOND = 25
SHAPES: dict[str, tuple[int, int, int, int, int]] = {
    # width, feed-forward width, layers, heads, key and value heads
    "moderate": (1024, 4096, 8, 16, 2),
    "3b": (2048, 11008, 36, 16, 2),
    "7b": (3584, 18944, 28, 28, 4),
}


def decoder(shape: str, device: str) -> Any:
    """A decoder of that shape, without embeddings of any size: the prompts are embeddings already."""
    width, ffn, layers, heads, kv_heads = SHAPES[shape]
    config = Qwen2Config(
        vocab_size=8,
        hidden_size=width,
        intermediate_size=ffn,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=32768,
    )
    torch.manual_seed(0)
    with torch.device(device):
        return Qwen2Model(config).eval().to(torch.bfloat16 if device.startswith("cuda") else torch.float32)


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
