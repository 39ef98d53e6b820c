"""Training, prefill and a grid of a composed model on real parts, against the common way.

`train_ratio` is seconds of a training step of the common way / seconds of ours, on the same parts and clips:
the common way runs the encoder on the padded audio in every step and computes the output head at every
position; ours reads stored states and computes the head at the answer's positions. Both train the projector
alone.

`line_ratio_<keep>` is the measured speed-up of a pruned prefill over the one that floating-point operations
alone would give, of the slowest method. `bound_<keep>` is the same of no method at all: the stock forward
over as many tokens as are left, taken for the layers that see them. What lies between 1 and the bound is
the matrix library's, what lies between the bound and the ratio is choosing and dropping: `stock_ratio_<keep>`
is the one over the other.

`grid_ratio` is seconds of one process per cell, as public code works (load the parts, encode every clip, two
generations a clip), / seconds of `snakemake -j1 grid`, features included; 20 cells, scaled from some.

    python bench/real.py [--quick] [--device cuda] [--folder FOLDER]

FOLDER holds `wheels`, `models/whisper-base` and `models/smollm2-135m` (`snakemake
models/whisper-base/checkpoint.json models/smollm2-135m/checkpoint.json`), by default this checkout; without
them this benchmark is left out. On a CPU, seconds of training and prefill are the processor's, of one
thread, so that what else runs counts little. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import library
import numpy as np
import torch
import torch.nn.functional as F
import typer
import yaml

from earmark.core.timing import synchronise
from earmark.models import causal_lm, whisper
from earmark.models.checkpoint import Checkpoint
from earmark.models.projector import Projector, Shape
from earmark.reduction.loader import load
from earmark.systems.pruning.prefill import flop_speedup
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.stopwatch import Stopwatch

ROOT = Path(__file__).parents[1]

METHODS = ("dart", "fastv", "random", "frame")
RATIOS = (0.7, 0.5, 0.3, 0.2, 0.1)
LAYER = 2
ANSWER = "three seven one five"
PARTS = {"encoder": "whisper-base", "decoder": "smollm2-135m"}
NEW_TOKENS = 8


def now(device: torch.device) -> float:
    """Return seconds: of the clock on a GPU, of this process on a CPU."""
    synchronise(device)
    return time.process_time() if device.type == "cpu" else time.perf_counter()


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
        start = now(decoder.device)
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
        return now(decoder.device) - start

    step(True), step(False)
    pairs = [(step(True), step(False)) for _ in range(rounds)]
    return float(np.median([a for a, _ in pairs])), float(np.median([b for _, b in pairs]))


def lines(decoder: Any, audio_tokens: int, ratio: float, rounds: int) -> tuple[float, float]:
    """Return shares of the FLOP line at a ratio: of the slowest method, and of the stock forward."""
    whole = Stopwatch.of_noise(decoder, audio_tokens, 0)
    # The first token of the prompt is kept besides the budget's; the text stays as it is.
    short = Stopwatch.of_noise(decoder, round(ratio * audio_tokens), 0)
    base = Reduction(load("base"), None, None, 0, 0, False)
    reductions = {m: Reduction(load(m), ratio, None, LAYER, 0, False) for m in METHODS}
    prompt, kept = whole.ids.shape[1], short.ids.shape[1]
    layers = decoder.model.config.num_hidden_layers
    line = flop_speedup(decoder.model.config, prompt, [prompt] * LAYER + [kept] * (layers - LAYER))

    def once(bench: Stopwatch, reduction: Reduction) -> float:
        start = now(decoder.device)
        bench.once(reduction)
        return now(decoder.device) - start

    shares: dict[str, list[float]] = {m: [] for m in (*METHODS, "stock")}
    for number in range(rounds + 1):
        full, less = once(whole, base), once(short, base)
        found = {m: full / once(whole, reduction) for m, reduction in reductions.items()}
        found["stock"] = layers * full / (LAYER * full + (layers - LAYER) * less)
        if number:  # the first warms up
            for method, speedup in found.items():
                shares[method].append(speedup / line)
    medians = {method: float(np.median(each)) for method, each in shares.items()}
    return min(medians[m] for m in METHODS), medians["stock"]


def configuration(quick: bool) -> dict[str, Any]:
    """The grid: a composed model trained for a few steps on synthetic clips of 5 s: time needs no more."""
    clips = {"clips_per_class": 1 if quick else 5, "min_s": 5, "max_s": 5}
    source = {
        "kind": "synthetic_music",
        "genres": 4,
        "recording_s": 5,
        "question": "What is the genre of this music?",
        "splits": {"train": {**clips, "clips_per_class": 1}, "test": clips},
    }
    compose = {**PARTS, "tasks": ["gtzan"], "steps": 1, "tokens": 200}
    methods = ["dart", "random"] if quick else list(METHODS)
    ratios = [0.5] if quick else list(RATIOS)
    return {
        "device": "cpu",
        "default_model": "parts",
        "grid": [{"tasks": ["gtzan"], "methods": methods, "ratios": ratios}],
        "prefill": [],
        "tasks": {
            "gtzan": {
                "data": {"source": source},
                "parser": "label",
                "max_new_tokens": NEW_TOKENS,
                "prompt": {"template": "{question}\n{options}\nAnswer:"},
            }
        },
        "models": {
            "parts": {"kind": "composed", "max_audio_s": 30, "compose": compose},
            **{name: {"dtype": "float32"} for name in PARTS.values()},
        },
    }


def public_cell(folder: Path, method: str, ratio: float) -> None:
    """Answer all clips with stock parts: this is what one process per cell runs."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, WhisperFeatureExtractor, WhisperModel

    from earmark.data import shards
    from earmark.models.composed import read_projector
    from earmark.reduction.hooks import TokenReduction

    torch.set_num_threads(1)
    record = Checkpoint.read(folder / "models/parts/checkpoint.json")
    encoder = WhisperModel.from_pretrained(
        record.part("encoder").folder, dtype=torch.float32, trust_remote_code=False
    ).encoder.eval()
    model = AutoModelForCausalLM.from_pretrained(
        record.part("decoder").folder, dtype=torch.float32, trust_remote_code=False
    ).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.part("decoder").folder, trust_remote_code=False)
    extractor, projector = WhisperFeatureExtractor(), read_projector(record)
    text = tokenizer("What is the genre of this music?\nA. x\nB. x\nC. x\nD. x\nAnswer:")["input_ids"]
    for tar in sorted((folder / "data/gtzan/shards").glob("test-*.tar")):
        for _, samples in shards.stream(tar, 16000):
            with torch.inference_mode():
                mel = extractor(samples, sampling_rate=16000, return_tensors="pt")["input_features"]
                states = encoder(mel).last_hidden_state[0, : len(samples) // 320]
                audio = projector(states)[None]
                embeddings = torch.cat([audio, model.get_input_embeddings()(torch.tensor([text]))], dim=1)
                mask = torch.ones(embeddings.shape[:2], dtype=torch.long)
                heard = torch.arange(mask.shape[1])[None] < audio.shape[1]
                for tokens in (1, NEW_TOKENS):
                    with TokenReduction(model, load(method), keep_ratio=ratio, layer=LAYER) as reduction:
                        reduction.expect(heard, ["clip"])
                        model.generate(
                            inputs_embeds=embeddings,
                            attention_mask=mask,
                            max_new_tokens=tokens,
                            do_sample=False,
                        )


def grid(folder: Path, quick: bool) -> tuple[float, float, int]:
    """Return seconds of a grid by one process per cell (scaled), ours, and the number of cells."""
    config = configuration(quick)
    (block,) = config["grid"]
    cells = [("base", 1.0), *product(block["methods"], block["ratios"])]
    sampled = cells[:: 1 if quick else 5]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "bench.yaml").write_text(yaml.safe_dump(config))
        (work / "models").mkdir()
        for each in PARTS.values():
            (work / "models" / each).symlink_to((folder / "models" / each).resolve())
        (work / "wheels").symlink_to((folder / "wheels").resolve())
        test = [f"data/gtzan/shards/test-0000{shard}-of-00002.tar" for shard in range(2)]
        library.snakemake(work, *test, "models/parts/checkpoint.json")

        def public(chosen: tuple[str, float]) -> float:
            command = [sys.executable, __file__, "--cell", f"{chosen[0]}@{chosen[1]}", "--folder", str(work)]
            start = time.perf_counter()
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
            return time.perf_counter() - start

        half = -(-len(sampled) // 2)
        theirs = [public(chosen) for chosen in sampled[:half]]
        ours = library.snakemake(work, "grid")
        theirs += [public(chosen) for chosen in sampled[half:]]
    return sum(theirs) / len(theirs) * len(cells), ours, len(cells)


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda; the grid is always the CPU's")] = "cpu",
    folder: Annotated[Path, typer.Option(help="where wheels/ and models/ are")] = ROOT,
    cell: Annotated[str, typer.Option(help="for its own use", hidden=True)] = "",
) -> None:
    """Time all three, print a table, end with one JSON line."""
    torch.set_num_threads(1)
    if cell:
        method, kept = cell.split("@")
        public_cell(folder, method, float(kept))
        return
    records = {part: folder / "models" / name / "checkpoint.json" for part, name in PARTS.items()}
    metrics: dict[str, float] = {}
    if all(path.is_file() for path in records.values()):
        encoder = whisper.Encoder(Checkpoint.read(records["encoder"]), device, "float32")
        decoder = causal_lm.Decoder(Checkpoint.read(records["decoder"]), device, "float32", "sdpa")
        common, ours = steps(encoder, decoder, 2 if quick else 4, 1 if quick else 3, 5.0)
        metrics["train_ratio"] = round(common / ours, 2)
        print(f"a training step: {common:.2f} s the common way, {ours:.2f} s from stored states", flush=True)
        tokens = 300 if quick else 1200
        for ratio in [0.5] if quick else [0.7, 0.5, 0.3]:
            share, stock = lines(decoder, tokens, ratio, 1 if quick else 3)
            found = {"line_ratio": share, "bound": stock, "stock_ratio": share / stock}
            metrics |= {f"{name}_{ratio:g}": round(value, 3) for name, value in found.items()}
            print(f"prefill of {tokens} audio tokens, keep {ratio:g}: {share:.3f} of the line", end="")
            print(f"; the stock forward {stock:.3f}", flush=True)
        del encoder, decoder
        theirs, mine, cells = grid(folder, quick)
        metrics["grid_ratio"] = round(theirs / mine, 2)
        print(f"{cells} cells: {theirs:.0f} s by one process per cell, {mine:.0f} s by snakemake -j1 grid")
    else:
        print("left out: there are no models/whisper-base and models/smollm2-135m; see --help")
    print(json.dumps({"bench": "real", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
