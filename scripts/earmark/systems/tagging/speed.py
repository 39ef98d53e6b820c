"""How fast a student is at some merging schedules, beside itself unmerged and the one it has to beat.

The one to beat has patches that don't overlap (strides 16/16), the same sizes, and merges nothing. All run
in one process, in rounds in which each runs once, so that a busy machine slows all of them; speed-ups are
taken within a round. The unmerged ones run once a round, however many schedules there are. Weights may be
random: what they are changes no time.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from transformers import ASTForAudioClassification

from earmark.core import devices
from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.core.timing import MemoryWatch, synchronise
from earmark.merging.attention import sizes_as
from earmark.merging.cost import macs
from earmark.merging.hooks import Merging
from earmark.merging.schedule import PROTECTED, Clamped, Schedule, clamp
from earmark.systems.tagging import network
from earmark.systems.tagging.architecture import Shape
from earmark.systems.tagging.asked import SpeedJob
from earmark.systems.tagging.fbank import fbank
from earmark.systems.tagging.framing import samples_for
from earmark.systems.tagging.timed import BASELINE, MERGED, UNMERGED, Batch, Timed

NO_OVERLAP = [16, 16]
LEAST_S = 0.05
"""Less than this isn't timed by itself."""

_QUIET = {"KINETO_LOG_LEVEL": "99"}
"""The profiler writes a line on standard error whenever it starts and stops, below its highest level."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Side:
    """A model and what is merged in it."""

    model: ASTForAudioClassification
    schedule: Schedule | None
    """None: the stock model."""

    @property
    def clamped(self) -> Clamped:
        """What the schedule comes to on this model's tokens."""
        config = self.model.config
        asked = self.schedule.per_layer(config.num_hidden_layers) if self.schedule else []
        asked += [0] * (config.num_hidden_layers - len(asked))
        return clamp(asked, network.tokens(config), PROTECTED)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a clip."""
        return macs(self.model.config, self.clamped.merged, self.clamped.tokens[0])

    @torch.inference_mode()
    def once(self, x: Tensor, clock: Clock = time.perf_counter, loops: int = 1) -> float:
        """Return the seconds of a forward of ``x`` [rows, frames, mel bins], the mean of ``loops``."""
        with Merging(self.model, self.schedule) if self.schedule else nullcontext():
            synchronise(x.device)
            start = clock()
            for _ in range(loops):
                self.model(x)
            synchronise(x.device)
            return (clock() - start) / loops


def sides(
    student: Shape, classes: int, frames: int, schedules: Sequence[Schedule], device: torch.device
) -> dict[str, Side]:
    """Return what is compared, with random weights; unmerged and merged are one model.

    A student that has to beat itself, as its patches don't overlap, is no side of its own twice.
    """

    def made(other: Shape) -> ASTForAudioClassification:
        return network.randomly(network.configure(other, classes, frames)).eval().to(device)

    own = Side(made(student), None)
    alone = student.strides == NO_OVERLAP
    other = own if alone else Side(made(Shape(sizes=student.sizes, strides=NO_OVERLAP)), None)
    merged = {_merged(schedule.name): Side(own.model, schedule) for schedule in schedules}
    return {UNMERGED: own, **merged, BASELINE: other}


def _merged(r: str) -> str:
    """Return the name of the side that merges by a schedule."""
    return f"{MERGED} {r}"


def spectrograms(rows: int, like: ASTForAudioClassification, device: torch.device) -> Tensor:
    """Return random input, [rows, frames, mel bins], spread as normalised spectrograms are."""
    shape = (rows, like.config.max_length, like.config.num_mel_bins)
    return (torch.randn(shape, generator=torch.Generator().manual_seed(rows)) * 0.5).to(device)


def interleaved(
    sides: Mapping[str, Side], x: Tensor, rounds: int, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds of each side, round by round; every other round runs them backwards.

    Forwards of a few milliseconds are timed many in a row; the first side, which runs once before, says
    how many.
    """
    loops = max(1, math.ceil(LEAST_S / next(iter(sides.values())).once(x)))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in tqdm(range(rounds), desc=f"batch {len(x)}", unit="round"):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            seconds[name].append(sides[name].once(x, clock, loops))
    return seconds


def measure(sides: Mapping[str, Side], batches: Sequence[int], rounds: int) -> list[Batch]:
    """Return what each side took, batch size by batch size."""
    names = {id(side): name for name, side in reversed(list(sides.items()))}
    distinct = {name: side for name, side in sides.items() if names[id(side)] == name}
    found = []
    for rows in batches:
        x = spectrograms(rows, sides[UNMERGED].model, next(sides[UNMERGED].model.parameters()).device)
        peaks = {name: _peak(side, x) for name, side in distinct.items()}  # and their warm-up
        seconds = interleaved(distinct, x, rounds)
        timed = {}
        for name, side in sides.items():
            taken = np.asarray(seconds[names[id(side)]])
            speedups = np.divide(seconds[UNMERGED], taken)
            timed[name] = Timed(
                median_s=float(np.median(taken)),
                p95_s=float(np.percentile(taken, 95)),
                clips_per_s=float(rows / np.median(taken)),
                speedup=float(np.median(speedups)),
                speedup_low=float(speedups.min()),
                speedup_high=float(speedups.max()),
                macs=side.macs,
                peak_memory_bytes=peaks[names[id(side)]],
            )
        found.append(Batch(rows, timed))
    return found


def _peak(side: Side, x: Tensor) -> int:
    """Return the bytes of tensors that a forward holds at its peak, over weights and input."""
    if x.device.type == "cuda":
        before, watch = torch.cuda.memory_allocated(x.device), MemoryWatch(x.device)
        side.once(x)
        return watch.lap().device - before
    os.environ.update(_QUIET)
    # What is resident in the process also depends on what ran before; the allocator's own count does not.
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        side.once(x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        seen.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    return max(event["args"]["Total Allocated"] for event in events if event["name"] == "[memory]")


def records(chosen: Sequence[SpeedJob], classes: int, device: torch.device, threads: int) -> list[Json]:
    """Measure what config asks for together and return the record of each, but for its provenance.

    Args:
        chosen: what is asked for; they differ in their schedules alone.
        classes: of the task.
        device: to compute on.
        threads: of the CPU, for the record.

    """
    first, student = chosen[0], chosen[0].student
    schedules = [each.schedule for each in chosen]
    compared = sides(student, classes, first.frames, schedules, device)
    model = compared[UNMERGED].model
    measured = measure(compared, first.batches, first.repeats)
    shared = {
        **student.chosen("sizes", "strides"),
        "frames": first.frames,
        "classes": classes,
        "weights": "random",
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
    way = {
        "device": devices.describe(device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "attention": f"{model.config._attn_implementation}, sizes as {sizes_as(model, device)}",
        "threads": threads,
        "feature_s": extraction(first.frames, first.repeats),
    }
    found = []
    for each in chosen:
        three = {UNMERGED: UNMERGED, MERGED: _merged(each.r), BASELINE: BASELINE}
        clamped, full = compared[three[MERGED]].clamped, compared[UNMERGED].macs
        found.append(
            {
                "schema": "earmark/tagging-speed/1",
                "labels": student.labels,
                "task": each.task,
                "student": student.name,
                **shared,
                "r": each.r,
                "proportional": True,
                "tokens": {
                    **{name: compared[side].clamped.tokens for name, side in three.items()},
                    "asked": clamped.asked,
                    "clamped_layers": clamped.clamped_layers,
                },
                "mac_speedup": {name: full / compared[three[name]].macs for name in (MERGED, BASELINE)},
                "repeats": each.repeats,
                **way,
                "batches": [
                    {"batch": each.size, **{name: asdict(each.sides[side]) for name, side in three.items()}}
                    for each in measured
                ],
            }
        )
    return found


def extraction(frames: int, repeats: int) -> float:
    """Return the median seconds in which the spectrogram of a clip of that length is made, on a CPU."""
    wave = torch.randn(samples_for(frames), generator=torch.Generator().manual_seed(0)) * 0.1
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        fbank(wave)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:]))
