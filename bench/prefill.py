"""What dropping audio tokens saves in a prefill, what choosing them costs, and the encoder's windows.

A decoder with random weights reads 60, 180 and 300 s of audio tokens. In every round an unpruned
prefill stands beside one of each of AudioMarathon's methods and every keep ratio (all methods:
reduction.py); the fastest of the rounds counts, in CPU
seconds on a CPU, so that a busy neighbour does not decide. Beside every speed-up stands the one that
floating-point operations alone would give (the FLOP line). The encoder runs 300 s in batches of
windows and through the stock forward, which loops over them.

    python bench/prefill.py [--device cuda] [--shape 3b] [--quick]

The last line is JSON. `line_ratio_<seconds>_<keep>` is the measured speed-up / that of the line, for
the slowest method; `selection_share_<seconds>` the largest share of an unpruned prefill that choosing
took. Of the encoder, `..._<seconds>`: `encoder_error` the largest difference from the stock states;
`encoder_ratio_reference` the time of the loop in transformers 4.52, which AudioMarathon pins, / ours;
`encoder_ratio_stock` the time of the installed version's / ours; and `encoder_bound` the latter / the time
of the tower's matrix products and convolutions alone, beyond which no way to the same states can go.
"""

import json
from contextlib import nullcontext
from functools import partial
from itertools import pairwise, product
from typing import Annotated, Any

import library  # noqa: F401  (where earmark lies)
import torch
import torch.nn.functional as F
import typer
from prefill_decoder import SHAPES, TEXT_AFTER, TEXT_BEFORE, TOKENS_PER_SECOND, decoder, timed
from torch import Tensor, nn
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniAudioEncoderConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from earmark.core.allocator import keep_freed_memory
from earmark.models.lengths import audio_tokens
from earmark.models.omni import batched_states
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.systems.pruning.prefill import flop_speedup

METHODS = ("dart", "fastv", "frame", "random")
LAYER = 2
TOWERS = {"moderate": (128, 384, 2, 4), "3b": (1280, 5120, 32, 20), "7b": (1280, 5120, 32, 20)}


def prefill(model: Any, states: Tensor, audio: Tensor, reduction: TokenReduction | None) -> None:
    """One prefill, plain or reduced; the hooks are part of what is timed."""
    with torch.inference_mode(), reduction or nullcontext():
        if reduction is not None:
            reduction.expect(audio_mask=audio, sample_ids=["bench"])
        model(inputs_embeds=states, use_cache=True)


def reductions(model: Any, seconds: int, keeps: list[float], rounds: int, device: str) -> dict[str, float]:
    """Print the table of one length and return its metrics."""
    audio_tokens = TOKENS_PER_SECOND * seconds
    prompt = TEXT_BEFORE + audio_tokens + TEXT_AFTER
    states = torch.randn(1, prompt, model.config.hidden_size).to(device, model.dtype)
    audio = torch.zeros(1, prompt, dtype=torch.bool, device=device)
    audio[:, TEXT_BEFORE : TEXT_BEFORE + audio_tokens] = True
    sides = {
        (name, keep): TokenReduction(model, load(name), keep_ratio=keep, layer=LAYER)
        for keep, name in product(keeps, METHODS)
    }
    plain: list[float] = []
    best: dict[tuple[str, float], list[float]] = {side: [] for side in sides}
    choosing: dict[tuple[str, float], list[float]] = {side: [] for side in sides}
    prefill(model, states, audio, next(iter(sides.values())))  # warm-up
    for _ in range(rounds):
        for number, (side, reduction) in enumerate(sides.items()):
            if number % len(METHODS) == 0:  # an unpruned run beside the methods of every ratio
                plain.append(timed(partial(prefill, model, states, audio, None), device))
            best[side].append(timed(partial(prefill, model, states, audio, reduction), device))
            choosing[side].append(reduction.records[0].selection_s)
    print(f"\n{seconds} s of audio, {prompt} tokens; unpruned {min(plain) * 1e3:.0f} ms")
    print(
        f"{'method':8} {'keep':>5} {'prefill ms':>11} {'speed-up':>9} {'line':>7} {'ratio':>6} {'choice':>8}"
    )
    metrics: dict[str, float] = {}
    for (name, keep), reduction in sides.items():
        seen = [reduction.records[0].tokens_at(number) for number in range(model.config.num_hidden_layers)]
        line = flop_speedup(model.config, prompt, [prompt - audio_tokens + tokens for tokens in seen])
        taken = min(best[name, keep])
        speedup, share = min(plain) / taken, min(choosing[name, keep]) / min(plain)
        print(
            f"{name:8} {keep:5.2f} {taken * 1e3:11.1f} {speedup:9.2f} {line:7.2f} {speedup / line:6.3f}"
            f" {share:8.2%}"
        )
        key = f"line_ratio_{seconds}_{keep}"
        metrics[key] = round(min(metrics.get(key, float("inf")), speedup / line), 4)
        key = f"selection_share_{seconds}"
        metrics[key] = round(max(metrics.get(key, 0.0), share), 5)
    return metrics


class ReferenceAttention(nn.Module):
    """Windows as transformers 4.52 has them: attention over everything, under a mask filled in a loop."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, hidden_states: Tensor, cu_seqlens: Tensor, **_: Any) -> Tensor:
        """Return the mixed states of [tokens, width]."""
        attention, tokens = self.attention, len(hidden_states)
        q, k, v = (
            project(hidden_states).unflatten(-1, (attention.num_heads, -1)).transpose(0, 1)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        mask = torch.zeros(1, tokens, tokens, dtype=torch.bool, device=q.device)
        for first, end in pairwise(cu_seqlens):
            mask[..., first:end, first:end] = True
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=attention.scaling)
        result: Tensor = attention.out_proj(mixed.transpose(0, 1).flatten(1))
        return result


def encoder(shape: str, seconds: int, rounds: int, device: str) -> dict[str, float]:
    """Time the audio tower in batches of windows against its stock forward; check that they agree."""
    width, ffn, layers, heads = TOWERS[shape]
    config = Qwen2_5OmniAudioEncoderConfig(
        d_model=width,
        encoder_ffn_dim=ffn,
        encoder_layers=layers,
        encoder_attention_heads=heads,
        output_dim=SHAPES[shape][0],
    )
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    tower = Qwen2_5OmniAudioEncoder(config).eval().to(device)
    frames = torch.tensor([100 * seconds], device=device)
    mel = torch.randn(config.num_mel_bins, 100 * seconds).to(device)

    def stock() -> Tensor:
        after_conv = (frames - 1) // 2 + 1
        with torch.inference_mode():
            out = tower(mel, feature_lens=frames, aftercnn_lens=after_conv)
        states: Tensor = out.last_hidden_state
        return states

    def ours() -> Tensor:
        with torch.inference_mode():
            return batched_states(tower, [mel], ["projector"])[0]["projector"]

    def products() -> None:
        """What has to be multiplied, in the largest pieces: no norm, no GELU, no sum, no loop of windows."""
        with torch.inference_mode():
            x = tower.conv2(tower.conv1(mel[None]))[0].T
            for layer in tower.layers:
                attention = layer.self_attn
                for project in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
                    project(x)
                layer.fc2(layer.fc1(x))
            tower.proj(x[::2])

    def reference() -> Tensor:
        attentions = [layer.self_attn for layer in tower.layers]
        for layer in tower.layers:
            layer.self_attn = ReferenceAttention(layer.self_attn)
        try:
            return stock()
        finally:
            for layer, attention in zip(tower.layers, attentions, strict=True):
                layer.self_attn = attention

    error = max(float((way() - ours()).abs().max()) for way in (stock, reference))
    assert audio_tokens(100 * seconds) == len(ours())
    ways = {"transformers 4.52": reference, "stock": stock, "batched windows": ours, "products": products}
    times = [[timed(way, device) for way in ways.values()] for _ in range(rounds)]
    best = dict(zip(ways, (min(side) for side in zip(*times, strict=True)), strict=True))
    print(f"\nencoder, {seconds} s: {', '.join(f'{name} {best[name]:.2f} s' for name in ways)}", end="; ")
    print(f"largest difference {error:.1e}")
    own = best["batched windows"]
    return {
        f"encoder_ratio_reference_{seconds}": round(best["transformers 4.52"] / own, 3),
        f"encoder_ratio_stock_{seconds}": round(best["stock"] / own, 3),
        f"encoder_bound_{seconds}": round(best["stock"] / best["products"], 3),
        f"encoder_error_{seconds}": error,
    }


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    quick: Annotated[bool, typer.Option(help="a smoke run: short audio, one ratio")] = False,
    shape: Annotated[str, typer.Option(help="moderate, 3b or 7b; random weights in each")] = "moderate",
    rounds: Annotated[int, typer.Option(help="how often each side runs")] = 2,
) -> None:
    """Time all methods at several lengths and ratios."""
    if not device.startswith("cuda"):
        torch.set_num_threads(1)  # CPU seconds of one thread are not disturbed by neighbours
        keep_freed_memory()  # as every job does
    keeps = [0.5] if quick else [0.7, 0.5, 0.3, 0.1]
    model = decoder(shape, device)
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    print(f"{millions:.0f} M parameters, K={LAYER}, {device}, {model.dtype}")
    metrics: dict[str, float] = {}
    for seconds in (20,) if quick else (60, 180, 300):
        metrics |= reductions(model, seconds, keeps, rounds, device)
    del model
    metrics |= encoder(shape, 20 if quick else 300, rounds, device)
    print(json.dumps({"bench": "prefill", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
