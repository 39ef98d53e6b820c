"""A whole grid through the workflow, against one process per cell as the public code works.

The public way, on the same checkpoint and clips: a process per cell that loads the stock model; for
every clip the mel padded to 300 s, the encoder, and two generations (one token to time the prefill, then
the answer), each with the cell's method in place. Ours is `snakemake -j1 grid`: features once, cells in
one pass. Both have one core. The public way is timed on some cells, before and after ours, and its total
is their mean times the number of cells; `--all-cells` runs every one.

    python bench/grid.py [--quick] [--all-cells]

The last line is JSON: `grid_ratio` is seconds of the public way / seconds of ours, and `grid_ratio_bound`
what it would be if nothing were left of ours but encoding and answering: no job that hands over or scores,
and no start of Snakemake.
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
import typer
import yaml

ROOT = Path(__file__).parents[1]

METHODS = ["dart", "fastv", "random", "frame"]
RATIOS = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
NEW_TOKENS = 5


def configuration(quick: bool) -> dict[str, Any]:
    """The demo task, smaller, with a model trained for a few steps: time doesn't need more."""
    test = {"clips_per_class": 1 if quick else 6, "min_s": 30, "max_s": 60}
    source = {
        "kind": "synthetic_music",
        "genres": 4,
        "recording_s": 10,
        "question": "What is the genre of this music?",
        "splits": {"train": {"clips_per_class": 2, "min_s": 8, "max_s": 12}, "test": test},
    }
    steps = {"text_steps": 3, "tower_steps": 3, "joint_steps": 3}
    return {
        "device": "cpu",
        "grid": [
            {
                "tasks": ["gtzan"],
                "methods": METHODS[:1] if quick else METHODS,
                "ratios": RATIOS[::8] if quick else RATIOS,
            }
        ],
        "prefill": [],
        "tasks": {"gtzan": {"data": {"source": source}}},
        "models": {"demo": {"train": {"seed": 0, **steps}}},
    }


def public_cell(folder: Path, method: str, ratio: float) -> None:
    """Answer all clips as the public code does: this is what one process per cell runs."""
    import torch
    from transformers import AutoFeatureExtractor, AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

    from earmark.data import shards
    from earmark.reduction.hooks import TokenReduction
    from earmark.reduction.loader import load

    torch.set_num_threads(1)
    checkpoint = folder / "models/demo/gtzan"
    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
        checkpoint, trust_remote_code=False
    ).eval()
    extractor = AutoFeatureExtractor.from_pretrained(checkpoint, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False)
    text = "What is the genre of this music?\nA. x\nB. x\nC. x\nD. x\nAnswer with the letter only."
    turn = [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": text}]}]
    prompt = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    audio_id = model.config.audio_token_id
    for tar in sorted((folder / "data/gtzan/shards").glob("test-*.tar")):
        for _, samples in shards.stream(tar, 16000):
            mel = extractor(
                samples,
                sampling_rate=16000,
                padding="max_length",
                max_length=300 * 16000,
                return_attention_mask=True,
                return_tensors="pt",
            )
            frames = int(mel["attention_mask"].sum())
            ids = tokenizer(prompt)["input_ids"]
            slot = ids.index(audio_id)
            ids[slot : slot + 1] = [audio_id] * (((frames - 1) // 2 + 1 - 2) // 2 + 1)
            inputs = {
                "input_ids": torch.tensor([ids]),
                "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
                "input_features": mel["input_features"],
                "feature_attention_mask": mel["attention_mask"],
            }
            layer = 1 if method == "fastv" else 0
            for tokens in (1, NEW_TOKENS):
                with (
                    TokenReduction(model, load(method), keep_ratio=ratio, layer=layer),
                    torch.inference_mode(),
                ):
                    model.generate(**inputs, max_new_tokens=tokens, do_sample=False)


def computing(folder: Path) -> float:
    """Return the seconds of the jobs that encode, and of the one that answers for all cells."""
    taken = {
        rule: [
            float(path.read_text().splitlines()[1].split("\t")[0])
            for path in folder.glob(f"benchmarks/{rule}/**/*.tsv")
        ]
        for rule in ("features", "answer")
    }
    return sum(taken["features"]) + max(taken["answer"])


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run: few clips and cells")] = False,
    all_cells: Annotated[bool, typer.Option(help="run the public way for every cell")] = False,
    device: Annotated[str, typer.Option(help="cpu only; for the common command line")] = "cpu",
    cell: Annotated[str, typer.Option(help="for its own use", hidden=True)] = "",
    folder: Annotated[Path, typer.Option(help="for its own use", hidden=True)] = Path(),
) -> None:
    """Time the grid both ways."""
    if cell:
        method, ratio = cell.split("@")
        public_cell(folder, method, float(ratio))
        return
    config = configuration(quick)
    (block,) = config["grid"]
    cells = [("base", 1.0), *product(block["methods"], block["ratios"])]
    sampled = cells if all_cells else [cells[0], *cells[1 :: len(block["ratios"]) + 1]]

    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "bench.yaml").write_text(yaml.safe_dump(config))
        library.snakemake(work, *(f"data/gtzan/shards/test-0000{shard}-of-00002.tar" for shard in range(2)))
        library.snakemake(work, "models/demo/gtzan/checkpoint.json")

        def public(chosen: tuple[str, float]) -> float:
            command = [sys.executable, __file__, "--cell", f"{chosen[0]}@{chosen[1]}", "--folder", str(work)]
            start = time.perf_counter()
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
            return time.perf_counter() - start

        half = len(sampled) // 2
        theirs = [public(chosen) for chosen in sampled[:half]]
        ours = library.snakemake(work, "grid")
        least = computing(work)
        theirs += [public(chosen) for chosen in sampled[half:]]
        clips = 4 * config["tasks"]["gtzan"]["data"]["source"]["splits"]["test"]["clips_per_class"]
    total = sum(theirs) / len(theirs) * len(cells)
    print(f"{len(cells)} cells, {clips} clips of 30 to 60 s, one core")
    print(
        f"one process per cell: {sum(theirs) / len(theirs):.1f} s a cell (mean of {len(theirs)} cells), "
        f"{total:.0f} s in all{'' if all_cells else ' (scaled)'}"
    )
    print(f"snakemake -j1 grid: {ours:.0f} s, of which features and answers {least:.0f} s")
    metrics = {"grid_ratio": round(total / ours, 2), "grid_ratio_bound": round(total / least, 2)}
    print(json.dumps({"bench": "grid", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
