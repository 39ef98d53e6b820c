"""What every token-reduction method costs: choosing, the prefill it leaves, and the encoder's scores.

The encoder runs with and without telling what its last layer attends to, in turns: a tower of Qwen2.5-Omni's
width that attends in windows of 2 s, and one of Qwen2-Audio's that attends over 30 s, both of fewer layers
than the real ones, which makes the scores' share larger than it is there. Then a decoder with random
weights reads audio tokens, an unpruned prefill beside one of every method in every round. The fastest of
the rounds counts, in CPU seconds on a CPU.

    python bench/reduction.py [--device cuda] [--quick]

The last line is JSON. `encoder_scores_ratio` is the encoder's time without / with the scores, the lower of
both towers. `speedup_<method>` is an unpruned prefill's time / the method's at 0.3 kept, choosing included,
and `choosing_<method>` what choosing took of the unpruned one.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any

import library  # noqa: F401  (where earmark lies)
import torch
import typer
from prefill_decoder import TEXT_AFTER, TEXT_BEFORE, TOKENS_PER_SECOND, decoder, timed
from torch import Tensor
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniAudioEncoderConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from earmark.models.omni import batched_states
from earmark.reduction.encoder_scores import LOUDNESS, SCORES
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import available, load

KEEP = 0.3


def tower(layers: int, window: int, device: str) -> Any:
    """A random tower of the real width; ``window`` is half of the mel frames that attend to each other."""
    config = Qwen2_5OmniAudioEncoderConfig(
        d_model=1280,
        encoder_layers=layers,
        encoder_attention_heads=20,
        encoder_ffn_dim=5120,
        n_window=window,
        output_dim=2048,
        max_source_positions=1500,
    )
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    with torch.device(device):
        return Qwen2_5OmniAudioEncoder(config).eval().requires_grad_(False)


@torch.inference_mode()
def encoder_ratio(layers: int, window: int, seconds: int, rounds: int, device: str) -> float:
    """Time of the encoder alone / with the scores, over the same audio."""
    model = tower(layers, window, device)
    mels = [torch.randn(128, 100 * seconds, device=device)]
    plain, telling = (
        partial(batched_states, model, mels, wanted) for wanted in (["projector"], ["projector", *SCORES])
    )
    best = {plain: float("inf"), telling: float("inf")}
    telling()
    for _ in range(rounds):
        for run in best:
            best[run] = min(best[run], timed(run, device))
    return best[plain] / best[telling]


def scores(tokens: int, device: str) -> dict[str, list[Tensor]]:
    """Made-up scores of an encoder."""
    draw = torch.Generator().manual_seed(0)
    shapes = {name: ([64] if name == "keys" else []) for name in (*SCORES, LOUDNESS)}
    return {n: [torch.rand(tokens, *shape, generator=draw).to(device)] for n, shape in shapes.items()}


@torch.inference_mode()
def methods(shape: str, seconds: int, rounds: int, device: str) -> dict[str, float]:
    """Print the table of all methods at one length and return its metrics."""
    model, tokens = decoder(shape, device), TOKENS_PER_SECOND * seconds
    prompt = TEXT_BEFORE + tokens + TEXT_AFTER
    # Neighbours are alike, as in audio: a walk of small steps.
    steps = torch.randn(1, prompt, model.config.hidden_size, generator=torch.Generator().manual_seed(1))
    states = (0.3 * steps.cumsum(1) / torch.arange(1, prompt + 1)[:, None].sqrt() + 0.2 * steps).to(
        device, model.dtype
    )
    audio = torch.zeros(1, prompt, dtype=torch.bool, device=device)
    audio[:, TEXT_BEFORE : TEXT_BEFORE + tokens] = True
    told = scores(tokens, device)

    def prefill(reduction: TokenReduction | None) -> None:
        if reduction is None:
            model(inputs_embeds=states, use_cache=True)
            return
        with reduction:
            reduction.expect(audio_mask=audio, sample_ids=["bench"], encoder=told)
            model(inputs_embeds=states, use_cache=True)

    names = [name for name in available() if name != "base"]
    sides = {name: reduction_of(model, name) for name in names}
    plain = float("inf")
    best, choosing = dict.fromkeys(names, float("inf")), dict.fromkeys(names, float("inf"))
    prefill(None)
    for _ in range(rounds):
        plain = min(plain, timed(partial(prefill, None), device))
        for name, side in sides.items():
            best[name] = min(best[name], timed(partial(prefill, side), device))
            choosing[name] = min(choosing[name], side.records[0].selection_s)
    print(f"\n{seconds} s of audio, {prompt} tokens, {KEEP} kept; unpruned {plain * 1e3:.0f} ms")
    print(f"{'method':16} {'layers':12} {'prefill ms':>11} {'speed-up':>9} {'choosing':>9}")
    for name, side in sides.items():
        layers = ",".join(str(stage.layer) for stage in side.records[0].stages)
        row = f"{name:16} {layers:12} {best[name] * 1e3:11.1f} {plain / best[name]:9.2f}"
        print(f"{row} {choosing[name] / plain:9.2%}")
    found = {f"speedup_{name}": round(plain / best[name], 4) for name in names}
    return found | {f"choosing_{name}": round(choosing[name] / plain, 5) for name in names}


def reduction_of(model: Any, name: str) -> TokenReduction:
    """A method where its paper has it act, before layer 2 if it names no layer."""
    method: Any = load(name)
    layer = 2 if method.acts_at is None else method.acts_at
    return TokenReduction(model, method, keep_ratio=KEEP, layer=layer)


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    shape: Annotated[str, typer.Option(help="of the decoder: moderate, 3b or 7b")] = "moderate",
    quick: Annotated[bool, typer.Option(help="a smoke run")] = False,
) -> None:
    """Measure both and print the tables."""
    layers, rounds = (2, 1) if quick else (8, 3)
    ratios = {
        "windows of 2 s": encoder_ratio(layers, 100, 30, rounds, device),
        "30 s at once": encoder_ratio(layers, 1500, 30, rounds, device),
    }
    for name, ratio in ratios.items():
        print(f"encoder, {layers} layers, {name}: time without / with its scores {ratio:.3f}")
    metrics = {"encoder_scores_ratio": round(min(ratios.values()), 4)}
    metrics |= methods(shape, 10 if quick else 60, 1 if quick else 2, device)
    print(json.dumps({"bench": "reduction", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
