"""Training and prefill of a composed model on real parts, against the common way.

`train_ratio` is seconds of a training step of the common way / seconds of ours, on the same parts and clips:
the common way runs the encoder on the padded audio in every step and computes the output head at every
position; ours reads stored states and computes the head at the answer's positions. Both train the projector
alone. `line_ratio_<keep>` is the measured speed-up of a pruned prefill over the one that floating-point
operations alone would give, of the slowest method.

    python bench/real.py [--quick] [--device cuda] [--folder FOLDER]

FOLDER holds `models/whisper-base` and `models/smollm2-135m` (`snakemake models/whisper-base/checkpoint.json
models/smollm2-135m/checkpoint.json`), by default this checkout; without them this benchmark is left out.
The last line is JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from earmark.models import causal_lm, whisper  # noqa: E402
from earmark.models.checkpoint import Checkpoint  # noqa: E402
from earmark.models.projector import Projector, Shape  # noqa: E402
from earmark.systems.pruning import prefill  # noqa: E402

METHODS = ("dart", "fastv", "random", "frame")
ANSWER = "three seven one five"


def steps(
    encoder: whisper.Encoder, decoder: causal_lm.Decoder, rows: int, rounds: int, seconds: float
) -> tuple[float, float]:
    """Return median seconds of a step of the common way and of ours, taken in turns."""
    draw = np.random.default_rng(0)
    waves = [0.1 * draw.standard_normal(round(16_000 * seconds)).astype(np.float32) for _ in range(rows)]
    stored = encoder.encode([encoder.mel(wave) for wave in waves])
    projector = Projector(Shape(), encoder.width, decoder.model.config.hidden_size).to(decoder.device)
    optimiser = torch.optim.AdamW(projector.parameters(), lr=1e-4)
    answer = decoder.answer_ids(ANSWER)

    def step(common: bool) -> float:
        start = time.perf_counter()
        states = encoder.encode([encoder.mel(wave) for wave in waves]) if common else stored
        audio = [projector(clip.clone()) for clip in states]
        ids = decoder.prompt_ids("Write down the digits:", None, len(audio[0])) + answer
        table = torch.tensor([ids] * rows, device=decoder.device)
        hidden = decoder.model(inputs_embeds=decoder.embed(table, audio)).last_hidden_state
        if common:
            logits = decoder.head(hidden)[:, -len(answer) - 1 : -1]
        else:
            logits = decoder.head(hidden[:, -len(answer) - 1 : -1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), table[:, -len(answer) :].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return time.perf_counter() - start

    step(True), step(False)
    pairs = [(step(True), step(False)) for _ in range(rounds)]
    return float(np.median([a for a, _ in pairs])), float(np.median([b for _, b in pairs]))


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    folder: Annotated[Path, typer.Option(help="where models/ is")] = ROOT,
) -> None:
    """Time both, print a table, end with one JSON line."""
    torch.set_num_threads(1)
    records = {
        name: folder / "models" / name / "checkpoint.json" for name in ("whisper-base", "smollm2-135m")
    }
    metrics: dict[str, float] = {}
    if all(path.is_file() for path in records.values()):
        encoder = whisper.Encoder(Checkpoint.read(records["whisper-base"]), device, "float32")
        decoder = causal_lm.Decoder(Checkpoint.read(records["smollm2-135m"]), device, "float32", "sdpa")
        common, ours = steps(encoder, decoder, 2 if quick else 4, 1 if quick else 3, 5.0)
        metrics["train_ratio"] = common / ours
        print(f"a training step: {common:.2f} s the common way, {ours:.2f} s from stored states")
        methods = [
            {"name": m, "reducer": m, "kind": "tokens", "layer": 2, "options": {}, "reference": False}
            for m in METHODS
        ]
        ratios = [0.5] if quick else [0.7, 0.5, 0.3]
        points, prompt = prefill.measure(
            decoder, methods, ratios, 300 if quick else 1200, 1 if quick else 3, 0
        )
        for ratio in ratios:
            shares = [p["speedup"] / p["flop_speedup"] for p in points if p["keep_ratio"] == ratio]
            metrics[f"line_ratio_{ratio:g}"] = min(shares)
            print(f"prefill of {prompt} tokens, keep {ratio:g}: {min(shares):.3f} of the line")
    else:
        print("left out: there are no models/whisper-base and models/smollm2-135m; see --help")
    print(json.dumps({"bench": "real", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
