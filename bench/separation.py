"""Separation against the public way of doing it: evaluating seven adapters, a training step, and real time.

    python bench/separation.py [--device cuda] [--quick]

Networks have AudioSep's sizes and random weights. The public way runs seven adapted networks one after the
other on each mixture alone, embeds the query for each of them (CLAP's text tower, padded to 512 tokens, a
single text twice), convolves with frozen and added weights apart, and normalises, shifts and activates in
three passes. Ours looks queries up in a table, merges the added weights, makes two passes of the three and
products of transposed convolutions ("leaner blocks"), and on a GPU goes through mixtures in batches.
`eval_ratio` is public / ours; what brings how much is measured by taking the steps one by one, and
`batch_ratio` says what batches bring or cost here. `front_share` is what the transform takes of ours: all
that seven adapters of every block could share besides. `train_ratio` compares the public training step, its
text tower and both convolutions inside, to ours with a table and one. On a CPU, seconds are those of this
process, so a busy neighbour does not decide. The last line is JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from unittest.mock import patch

import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from earmark.core import devices
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.adapters.reconv import Reconv
from earmark.systems.separation.audio import Chunks
from earmark.systems.separation.network import blocks
from earmark.systems.separation.network.resunet import ResUNet, Sizes
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.objective import losses
from earmark.systems.separation.published.clap import TEXT

DOMAINS, PADDED = 7, 512
SMALL = Sizes((4, 8, 16), ((2, 4), (2, 4), (2, 4)))
SMALL_TEXT = {"num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}


@contextmanager
def as_published() -> Iterator[None]:
    """Compute with the public code's operations: three passes, and transposed convolutions as such."""
    with (
        patch.object(blocks, "activated", three_passes),
        patch.object(blocks, "spread", lambda x, layer: layer(x)),
    ):
        yield


def three_passes(x: Tensor, layer: nn.BatchNorm2d, offset: Tensor) -> Tensor:
    """Return what `blocks.activated` does as the public code does it."""
    return F.leaky_relu(layer(x) + offset, 0.01)


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

    def embed(self, texts: int = 1) -> Tensor:
        """Return queries' vectors as the public code makes them: padded, and a single one as one of two."""
        tokens = torch.ones(max(2, texts), PADDED, dtype=torch.long, device=self.device)
        mask = torch.zeros_like(tokens)
        mask[:, :6] = 1
        found = self.tower.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return F.normalize(found, dim=-1)[:texts]


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

    def each(network: ResUNet, queries: Callable[[int], Tensor]) -> None:
        for number in range(len(found.mixtures)):
            network(found.mixtures[number : number + 1], queries(number))

    def looked_up(number: int) -> Tensor:
        return found.queries[number : number + 1]

    def theirs(network: ResUNet, queries: Callable[[int], Tensor]) -> None:
        with as_published():
            each(network, queries)

    return {
        "public": lambda: theirs(found.apart, lambda number: found.embed()),
        "table of texts": lambda: theirs(found.apart, looked_up),
        "merged weights": lambda: theirs(found.merged, looked_up),
        "leaner blocks": lambda: each(found.merged, looked_up),
        "batches": lambda: found.merged(found.mixtures, found.queries),
        "(the transform)": lambda: found.merged.transform.synthesise(
            found.merged.transform.analyse(found.mixtures)
        ),
    }


def trainings(found: Sides) -> dict[str, Callable[[], object]]:
    """Return a training step of an adapter, as published and ours; statistics stand still in both."""
    adapted = Adapted(ResUNet(found.merged.sizes).to(found.device), Reconv()).train()
    apart = found.apart.requires_grad_(False)
    added = [layer.added for layer in apart.modules() if isinstance(layer, Apart)]
    for weight in added:
        weight.requires_grad_(True)
    target = 0.5 * found.mixtures

    def stepping(model: nn.Module, weights: list[nn.Parameter]) -> Callable[[Tensor], None]:
        optimiser = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0, amsgrad=True)

        def step(queries: Tensor) -> None:
            losses(model(found.mixtures, queries), target, "l1").mean().backward()
            optimiser.step()
            optimiser.zero_grad()

        return step

    theirs, ours = stepping(apart, added), stepping(adapted, adapted.trained())

    def public() -> None:
        with torch.no_grad():
            queries = found.embed(len(found.mixtures))
        with as_published():
            theirs(queries)

    return {"public": public, "ours": lambda: ours(found.queries)}


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
    seconds: Annotated[float, typer.Option(help="of a mixture")] = 5.0,
    mixtures: Annotated[int, typer.Option(help="that go together")] = 4,
) -> None:
    """Print what each side takes, and the ratios as JSON."""
    place = devices.prepare(device, threads)
    length, batch = (1.0, 2) if quick else (seconds, mixtures)
    with torch.inference_mode():
        found = sides(quick, length, batch, place)
        took = timed(evaluations(found), rounds, place)
    audio = length * batch
    print(f"\n{DOMAINS} adapted networks over {batch} mixtures of {length:g} s")
    for name, value in took.items():
        print(f"{name:>16} {DOMAINS * value:8.2f} s {took['public'] / value:6.2f} times the public way")
    length, items = (1.0, 2) if quick else (2.0, mixtures)
    steps = timed(trainings(sides(quick, length, items, place)), rounds, place)
    print(f"\ntraining step, {items} mixtures of {length:g} s")
    for name, value in steps.items():
        print(f"{name:>16} {value:8.2f} s")
    ours = took["batches" if Chunks().on(place).batch != 1 else "leaner blocks"]
    print(f"separation: {audio / ours:.2f} times real time")
    metrics = {
        "eval_ratio": round(took["public"] / ours, 3),
        "table_ratio": round(took["public"] / took["table of texts"], 3),
        "merge_ratio": round(took["table of texts"] / took["merged weights"], 3),
        "blocks_ratio": round(took["merged weights"] / took["leaner blocks"], 3),
        "batch_ratio": round(took["leaner blocks"] / took["batches"], 3),
        "front_share": round(took["(the transform)"] / ours, 3),
        "train_ratio": round(steps["public"] / steps["ours"], 3),
        "real_time_factor": round(audio / ours, 3),
    }
    print(json.dumps({"bench": "separation", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
