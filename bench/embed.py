"""Clips per second at encoder level, against the common public way on the same checkpoint.

The common way: audio through the stock extractor, padded to 30 s, through the whole stock model with
all hidden states on, one clip at a time; whoever wants the encoder's states runs all of it. Ours: the
encoder alone, at each clip's own length, in batches. The checkpoint is a Qwen2-Audio of the real class
with random weights; its language model takes about as many times its encoder's operations at 30 s as in
the real one (both printed). Both sides start from audio in memory and end with states on the host; they
take turns in one process and the fastest round counts, in CPU seconds on a CPU.

    python bench/embed.py [--device cuda] [--quick]

The last line is JSON: `encoder_ratio` is ours / theirs over clips of mixed lengths, `encoder_ratio_30s`
over clips of 30 s, where there is no padding to save.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import library  # noqa: F401  (where earmark lies)
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from transformers import AutoFeatureExtractor, Qwen2AudioForConditionalGeneration

from earmark.core.allocator import keep_freed_memory
from earmark.models import qwen2_audio, tiny_qwen2_audio
from earmark.models.checkpoint import Checkpoint
from earmark.models.families.qwen2_audio import Qwen2Audio
from earmark.models.lengths import audio_tokens
from earmark.models.sizes import Sizes
from earmark.systems.embeddings.extract import Extractor
from earmark.systems.embeddings.layers import Plan, parse

PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>Describe the music:"
SIZES = Sizes(768, 12, 8, 2, 2048, audio_hidden=320, audio_layers=4, audio_heads=5, audio_ffn=1280)
REAL = Sizes(4096, 32, 32, 32, 11008, audio_hidden=1280, audio_layers=32, audio_heads=20, audio_ffn=5120)
MIXED = (2.0, 5.0, 5.0, 10.0, 10.0, 10.0, 20.0, 30.0)
"""Lengths of common sound, speech and music clips (ESC-50 5 s, AudioSet 10 s, GTZAN 30 s)."""
Wave = NDArray[np.float32]


def proportion(sizes: Sizes) -> float:
    """Operations of the language model (756 tokens, no head) over those of the encoder, at 30 s."""
    width, audio = sizes.hidden, sizes.audio_hidden
    inner = 2 * width * width * (1 + sizes.kv_heads / sizes.heads) + 3 * width * sizes.ffn
    lm = sizes.layers * (2 * 756 * inner + 2 * 756**2 * width)
    inner = 4 * audio * audio + 2 * audio * sizes.audio_ffn
    return lm / (sizes.audio_layers * (2 * 1500 * inner + 4 * 1500**2 * audio))


def common_way(folder: Path, device: str, dtype: torch.dtype) -> Callable[[list[Wave]], None]:
    """Return what is commonly done: the whole model, 30 s, batch 1, all states."""
    model = (
        Qwen2AudioForConditionalGeneration.from_pretrained(folder, dtype=dtype, trust_remote_code=False)
        .eval()
        .to(device)
    )
    extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
    decoder = qwen2_audio.Decoder(Checkpoint(folder, {}), device, "float32", "sdpa", layers=0, head=False)

    def run(waves: list[Wave]) -> None:
        for wave in waves:
            features = extractor(
                [wave],
                sampling_rate=16000,
                padding="max_length",
                return_attention_mask=True,
                return_tensors="pt",
            )
            tokens = audio_tokens(int(features["attention_mask"].sum()))
            ids = torch.tensor([decoder.raw_ids(PROMPT, tokens)], device=device)
            with torch.no_grad():
                out = model(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    input_features=features["input_features"].to(device, dtype),
                    feature_attention_mask=features["attention_mask"].to(device),
                    output_hidden_states=True,
                )
            [states.cpu() for states in out.hidden_states]

    return run


def our_way(folder: Path, device: str, dtype: str) -> Callable[[list[Wave]], None]:
    """Return ours: the encoder alone, natural length, batched by seconds."""
    checkpoint = Checkpoint(folder, {})
    layers = [parse("encoder")]
    plan = Plan.of(layers, qwen2_audio.depth(checkpoint))
    encoder = qwen2_audio.Encoder(checkpoint, device, dtype, plan.encoder_layers, plan.project)
    ours = Extractor(
        encoder=encoder,
        decoder=None,
        plan=plan,
        layers=layers,
        pooling="none",
        span="audio",
        dtype=torch.float16,
        prompt=PROMPT,
        system=None,
        audio=Qwen2Audio.audio,
        overlap_s=2.0,
        batch_tokens=3000,
    )

    def run(waves: list[Wave]) -> None:
        for first in range(0, len(waves), 8):
            for found in ours.batch(waves[first : first + 8]):
                found["encoder"].states.cpu()

    return run


def timed(run: Callable[[list[Wave]], None], waves: list[Wave], device: str) -> float:
    """Seconds of one run: of this process on a CPU, of the clock on a GPU."""
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    started = clock()
    run(waves)
    return clock() - started


def main(device: str = "cpu", quick: bool = False, repeats: int = 0) -> None:
    """Time both sides on mixed and on 30 s clips; 0 means the default for --quick or not."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as every job does
    rng = np.random.default_rng(0)
    lengths = {"mixed": MIXED[:6:2] if quick else MIXED, "30s": (30.0,) * (1 if quick else 4)}
    sets: dict[str, list[Wave]] = {
        name: [rng.standard_normal(round(s * 16000)).astype(np.float32) * 0.1 for s in seconds]
        for name, seconds in lengths.items()
    }
    dtype = "bfloat16" if device.startswith("cuda") else "float32"
    metrics: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        tiny_qwen2_audio.build(["rain"], ["Describe the music:"] * 5, SIZES, 0, Path(folder))
        sides: dict[str, Any] = {
            "whole model": common_way(Path(folder), device, getattr(torch, dtype)),
            "encoder": our_way(Path(folder), device, dtype),
        }
        print(f"{device}, {dtype}; mixed clips of {min(MIXED):g} to {max(MIXED):g} s")
        print(
            f"language model / encoder: {proportion(SIZES):.1f} here, {proportion(REAL):.1f} in the real one"
        )
        print(f"{'clips':8} {'side':12} {'seconds':>9} {'clips/s':>9} {'audio s/s':>10}")
        for name, waves in sets.items():
            best = dict.fromkeys(sides, float("inf"))
            for turn in range(1 + (repeats or (1 if quick else 3))):
                for side, run in sides.items():
                    taken = timed(run, waves, device)
                    if turn:  # the first is a warm-up
                        best[side] = min(best[side], taken)
            for side, taken in best.items():
                rate = len(waves) / taken
                print(f"{name:8} {side:12} {taken:9.3f} {rate:9.2f} {sum(lengths[name]) / taken:10.1f}")
            ratio = best["whole model"] / best["encoder"]
            metrics["encoder_ratio" if name == "mixed" else f"encoder_ratio_{name}"] = round(ratio, 3)
    print(json.dumps({"bench": "embed", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
