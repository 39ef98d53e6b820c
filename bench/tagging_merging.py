"""What merging tokens saves in a forward, against what its multiply-accumulates would.

An AST-B with random weights hears ten seconds (1,214 tokens), alone and in batches of eight, at several
merging schedules, beside the one with strides 16/16. In every round stands an unmerged forward at both
ends, and every other round runs backwards. On a CPU, seconds are those of this process and of one thread,
so that a busy neighbour does not decide.

    python bench/tagging_merging.py [--device cuda] [--quick]

`speedup_b<batch>_r<r>` is the median over rounds of unmerged / merged time, `line_ratio_b<batch>_r<r>` that
over the speed-up in multiply-accumulates.
"""

import json
import time
from statistics import median
from typing import Annotated

import library  # noqa: F401  (where earmark lies)
import torch
import typer

from earmark.core.allocator import keep_freed_memory
from earmark.merging.schedule import Schedule
from earmark.systems.tagging.architecture import Shape, Sizes
from earmark.systems.tagging.speed import Side, interleaved, sides, spectrograms
from earmark.systems.tagging.timed import BASELINE

BASE = Shape()
SMALL = Shape(sizes=Sizes(hidden=192, layers=4, heads=3, mlp=768))
FRAMES, CLASSES = 1024, 527
SCHEDULES = ("16", "32", "64", "64d")
FIRST, LAST = "unmerged", "unmerged again"


def batch(compared: dict[str, Side], rows: int, rounds: int, device: torch.device) -> dict[str, float]:
    """Print the table of one batch size and return its metrics."""
    cpu = device.type == "cpu"
    x = spectrograms(rows, compared[FIRST].model, device)
    seconds = interleaved(compared, x, rounds, time.process_time if cpu else time.perf_counter)
    unmerged = [(a + b) / 2 for a, b in zip(seconds[FIRST], seconds[LAST], strict=True)]
    took, cost = 1e3 * median(unmerged), compared[FIRST].macs / 1e9
    print(f"\nbatch {rows}: unmerged {took:.0f} ms, {cost:.1f} GMAC a clip")
    print("           r  tokens left       ms  speed-up  lowest  highest   line  ratio")
    metrics: dict[str, float] = {}
    for name, side in compared.items():
        if name in (FIRST, LAST):
            continue
        speedups = [full / taken for full, taken in zip(unmerged, seconds[name], strict=True)]
        line, speedup = compared[FIRST].macs / side.macs, median(speedups)
        print(
            f"{name:>12} {side.clamped.tokens[-1]:12} {1e3 * median(seconds[name]):8.0f} {speedup:9.3f} "
            f"{min(speedups):7.3f} {max(speedups):8.3f} {line:6.3f} {speedup / line:6.3f}"
        )
        key = f"b{rows}_{name}" if name == BASELINE else f"b{rows}_r{name}"
        metrics |= {f"speedup_{key}": round(speedup, 4), f"line_ratio_{key}": round(speedup / line, 4)}
    return metrics


def measure(quick: bool, device: str = "cpu") -> dict[str, float]:
    """Time all schedules at both batch sizes."""
    where = torch.device(device)
    threads = torch.get_num_threads()
    if where.type == "cpu":
        torch.set_num_threads(1)  # CPU seconds of one thread are not disturbed by neighbours
        keep_freed_memory()  # as every job does
    made = sides(SMALL if quick else BASE, CLASSES, FRAMES, [], where)
    unmerged = made[FIRST]
    merged = {name: Side(unmerged.model, Schedule.parse(name, {})) for name in SCHEDULES}
    compared = {FIRST: unmerged, **merged, BASELINE: made[BASELINE], LAST: unmerged}
    print(
        f"{sum(w.numel() for w in unmerged.model.parameters()) / 1e6:.0f} M random weights, {device}, float32"
    )
    metrics: dict[str, float] = {}
    for rows, rounds in ((1, 2), (2, 2)) if quick else ((1, 6), (8, 2)):
        metrics |= batch(compared, rows, rounds, where)
    torch.set_num_threads(threads)
    return metrics


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    quick: Annotated[bool, typer.Option(help="a smoke run: a small model")] = False,
) -> None:
    """Run this section alone."""
    metrics = measure(quick, device)
    print(json.dumps({"bench": "tagging_merging", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
