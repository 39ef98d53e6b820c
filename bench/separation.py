"""Separation against the public way of doing it: evaluating seven adapters, a training step, and real time.

    python bench/separation.py [--device cuda] [--quick]

Networks have AudioSep's sizes and random weights. The public way runs seven adapted networks one after the
other on each mixture alone, embeds the query for each of them (CLAP's text tower, padded to 512 tokens,
twice), and convolves with frozen and added weights apart. Ours looks queries up in a table, merges the added
weights and goes through mixtures in batches. `eval_ratio` is public / ours; what brings how much is measured
by taking the steps one by one. `train_ratio` compares a training step with the text tower inside to one with
a table. On a CPU, seconds are those of this process, so a busy neighbour does not decide. The last line is
JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from earmark.core import devices
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.adapters.reconv import Reconv
from earmark.systems.separation.network.resunet import ResUNet, Sizes
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.objective import losses
from earmark.systems.separation.published.clap import TEXT

DOMAINS, PADDED = 7, 512
SMALL = Sizes((4, 8, 16), ((2, 4), (2, 4), (2, 4)))
SMALL_TEXT = {"num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}


class Apart(nn.Module):
    """The public adapter: two convolutions, their outputs added."""

    def __init__(self, frozen: nn.Conv2d, scale: float) -> None:
        super().__init__()
        self.frozen, self.scale = frozen, scale
        self.added = nn.Parameter(torch.zeros_like(frozen.weight))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        return self.frozen(x) + self.scale * F.conv2d(x, self.added, padding=1)


@dataclass(frozen=True)
class Sides:
    """What is compared: networks of both kinds, the text tower, and what they are given."""

    apart: ResUNet
    merged: ResUNet
    tower: Any
    mixtures: Tensor
    queries: Tensor
    device: torch.device

    def embed(self) -> Tensor:
        """Return a query's vector as the public code makes it: padded, and as one of two."""
        tokens = torch.ones(2, PADDED, dtype=torch.long, device=self.device)
        mask = torch.zeros_like(tokens)
        mask[:, :6] = 1
        found = self.tower.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return F.normalize(found, dim=-1)[:1]


def sides(quick: bool, seconds: float, batch: int, device: torch.device) -> Sides:
    """Return networks with random weights, and noise to separate."""
    from transformers import ClapConfig, ClapModel

    torch.manual_seed(0)
    size = SMALL if quick else Sizes()
    apart, merged = (ResUNet(size).eval().to(device) for _ in range(2))
    for name, layer in list(apart.named_modules()):
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            parent, _, leaf = name.rpartition(".")
            setattr(apart.get_submodule(parent), leaf, Apart(layer, 1 / 9))
    text = TEXT | (SMALL_TEXT if quick else {})
    audio = {"depths": [1, 1, 1, 1], "enable_fusion": False, "projection_dim": 512}
    config = ClapConfig(text_config=text, audio_config=audio, projection_dim=512)
    tower = ClapModel(config).eval().to(device).requires_grad_(False)
    mixtures = 0.1 * torch.randn(batch, round(seconds * SAMPLE_RATE), device=device)
    queries = F.normalize(torch.randn(batch, size.condition, device=device), dim=-1)
    return Sides(apart, merged, tower, mixtures, queries, device)


def evaluations(found: Sides) -> dict[str, Callable[[], object]]:
    """Return the ways of running one adapted network over the mixtures, each with one step more of ours."""
    one_by_one = range(len(found.mixtures))

    def public() -> None:
        for number in one_by_one:
            found.apart(found.mixtures[number : number + 1], found.embed())

    def table() -> None:
        for number in one_by_one:
            found.apart(found.mixtures[number : number + 1], found.queries[number : number + 1])

    def merged() -> None:
        for number in one_by_one:
            found.merged(found.mixtures[number : number + 1], found.queries[number : number + 1])

    def batched() -> None:
        found.merged(found.mixtures, found.queries)

    return {"public": public, "table of texts": table, "merged weights": merged, "batches": batched}


def trainings(found: Sides) -> dict[str, Callable[[], object]]:
    """Return a training step of an adapter, with the text tower inside and with a table."""
    network = ResUNet(found.merged.sizes).to(found.device)
    adapted = Adapted(network, Reconv()).train()
    optimiser = torch.optim.AdamW(adapted.trained(), lr=1e-4, weight_decay=0.0, amsgrad=True)
    target = 0.5 * found.mixtures

    def step(model: nn.Module, queries: Tensor) -> None:
        losses(model(found.mixtures, queries), target, "l1").mean().backward()
        optimiser.step()
        optimiser.zero_grad()

    def public() -> None:
        with torch.no_grad():
            queries = torch.cat([found.embed() for _ in range(len(found.mixtures))])
        step(adapted, queries)

    return {"public": public, "ours": lambda: step(adapted, found.queries)}


def timed(compared: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, float]:
    """Return the median seconds of each side, run in turn, every other round backwards."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    took: dict[str, list[float]] = {name: [] for name in compared}
    for number in range(rounds):
        for name in list(compared)[:: 1 if number % 2 == 0 else -1]:
            started = clock()
            compared[name]()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            took[name].append(clock() - started)
    return {name: median(seconds) for name, seconds in took.items()}


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    quick: Annotated[bool, typer.Option(help="a smoke run: small models")] = False,
    threads: int = 1,
    rounds: int = 2,
) -> None:
    """Print what each side takes, and the ratios as JSON."""
    place = devices.prepare(device, threads)
    seconds, batch = (1.0, 2) if quick else (5.0, 4)
    with torch.inference_mode():
        found = sides(quick, seconds, batch, place)
        took = timed(evaluations(found), rounds, place)
    audio = seconds * batch
    print(f"\n{DOMAINS} adapted networks over {batch} mixtures of {seconds:g} s")
    for name, value in took.items():
        print(f"{name:>16} {DOMAINS * value:8.2f} s {took['public'] / value:6.2f} times the public way")
    short = sides(quick, 1.0, 2, place)
    steps = timed(trainings(short), rounds, place)
    print(f"\ntraining step, 2 mixtures of 1 s: public {steps['public']:.2f} s, ours {steps['ours']:.2f} s")
    fastest = took["batches"]
    print(f"separation: {audio / fastest:.2f} times real time")
    metrics = {
        "eval_ratio": round(took["public"] / fastest, 3),
        "table_ratio": round(took["public"] / took["table of texts"], 3),
        "merge_ratio": round(took["table of texts"] / took["merged weights"], 3),
        "batch_ratio": round(took["merged weights"] / fastest, 3),
        "train_ratio": round(steps["public"] / steps["ours"], 3),
        "real_time_factor": round(audio / fastest, 3),
    }
    print(json.dumps({"bench": "separation", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
