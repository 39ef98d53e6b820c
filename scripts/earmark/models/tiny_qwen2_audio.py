"""Small checkpoints of Qwen2-Audio's real class with random weights, for tests, benchmarks and timing.

Tokenizer and initial weights are made as for the small Omni; the front end is Qwen2-Audio's own 30 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

from earmark.models.sizes import Sizes
from earmark.models.tiny import AUDIO, build_extractor, build_tokenizer, tower_config


def build(names: Sequence[str], prompts: Iterable[str], sizes: Sizes, seed: int, folder: Path) -> None:
    """Write a randomly initialised checkpoint that transformers loads; arguments as in `tiny.build`."""
    tokenizer = build_tokenizer(names, prompts, sizes.vocabulary)
    config = Qwen2AudioConfig(
        audio_config=tower_config(sizes) | {"model_type": "qwen2_audio_encoder"},
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "hidden_size": sizes.hidden,
            "intermediate_size": sizes.ffn,
            "num_hidden_layers": sizes.layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": sizes.kv_heads,
            "tie_word_embeddings": False,
        },
        audio_token_index=int(tokenizer.convert_tokens_to_ids(AUDIO)),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2AudioForConditionalGeneration(config)
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=0.1 if "embed" in name else 0.7 / weight[0].numel() ** 0.5)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    build_extractor(30).save_pretrained(folder)
    # safetensors writes 0600, which locks out colleagues on a shared disk
    (folder / "model.safetensors").chmod(0o644)
