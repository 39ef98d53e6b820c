"""One training loop: AdamW, warm-up and linear decay, clipping, progress, exact resume.

A recipe is a list of stages; a stage says which parameters it trains and how one step's loss is made.
Every step draws from a generator seeded by (seed, stage name, step) alone, and everything else that a
step depends on is in the saved state, so an interrupted and resumed run ends with the same bits as one
that was left alone (same machine, same number of threads).
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from earmark.core.progress import tqdm

_AVERAGE = 0.95  # decay of the running loss and accuracy that are shown and recorded
_CURVE_POINTS = 50
_FLOOR = 0.05  # the schedule ends at this share of the peak rate

StepFunction = Callable[[int, np.random.Generator], tuple[Tensor, float]]


@dataclass(frozen=True)
class Stage:
    """One phase of a recipe; `step(index, rng)` returns the loss to minimise and the batch's accuracy."""

    name: str
    steps: int
    rate: float
    parameters: Sequence[nn.Parameter]
    step: StepFunction
    warmup: int = 20


@dataclass
class StageRecord:
    """What a stage did so far: running means of loss and accuracy, and a curve of (step, loss, accuracy)."""

    name: str
    steps: int = 0
    loss: float = 0.0
    accuracy: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    curve: list[tuple[int, float, float]] = field(default_factory=list)


def run(
    stages: Sequence[Stage],
    module: nn.Module,
    *,
    seed: int,
    work: Path,
    save_every: int,
    fingerprint: str,
) -> list[StageRecord]:
    """Run the stages in order, continuing from `work/state.pt` if it belongs to the same training.

    Args:
        stages: run one after another, each with a fresh optimiser.
        module: owns every trained parameter; its state is what is saved.
        seed: of all steps' randomness.
        work: folder for the state; it is left in place, also at the end.
        save_every: steps between two saves.
        fingerprint: identifies data and settings; a state with another one is ignored.

    Returns:
        One record per stage.

    """
    saved = _load(work, fingerprint)
    records: list[StageRecord] = []
    if saved is not None:
        module.load_state_dict(saved["module"])
        records = [StageRecord(**record) for record in saved["records"]]
    for index, stage in enumerate(stages):
        if index < len(records) - 1:
            continue  # finished before the interruption
        optimiser = torch.optim.AdamW(stage.parameters, lr=stage.rate, betas=(0.9, 0.98), weight_decay=0.02)
        if index < len(records):
            assert saved is not None
            optimiser.load_state_dict(saved["optimiser"])
        else:
            records.append(StageRecord(stage.name))

        def save(optimiser: torch.optim.Optimizer = optimiser) -> None:
            _save(work, fingerprint, module, optimiser, records)

        _run_stage(stage, records[-1], optimiser, seed, save_every, save)
    return records


def _run_stage(
    stage: Stage,
    record: StageRecord,
    optimiser: torch.optim.Optimizer,
    seed: int,
    save_every: int,
    save: Callable[[], None],
) -> None:
    """Take the steps that `record` does not have yet, and keep it up to date."""
    if record.steps >= stage.steps:
        return
    every = max(1, stage.steps // _CURVE_POINTS)
    wall, cpu = time.perf_counter() - record.seconds, time.process_time() - record.cpu_seconds
    with tqdm(
        total=stage.steps,
        initial=record.steps,
        desc=stage.name,
    ) as progress:
        for step in range(record.steps, stage.steps):
            loss, accuracy = _take_step(stage, step, optimiser, seed)
            record.steps = step + 1
            # the mean starts at the first value, so early points of the curve are not biased to zero
            decay = min(_AVERAGE, step / (step + 1))
            record.loss = decay * record.loss + (1 - decay) * loss
            record.accuracy = decay * record.accuracy + (1 - decay) * accuracy
            record.seconds = time.perf_counter() - wall
            record.cpu_seconds = time.process_time() - cpu
            if record.steps % every == 0 or record.steps == stage.steps:
                record.curve.append((record.steps, round(record.loss, 4), round(record.accuracy, 4)))
            progress.set_postfix(loss=f"{record.loss:.3f}", acc=f"{record.accuracy:.3f}", refresh=False)
            progress.update()
            if record.steps % save_every == 0 or record.steps == stage.steps:
                save()


def _take_step(stage: Stage, step: int, optimiser: torch.optim.Optimizer, seed: int) -> tuple[float, float]:
    """Take one optimiser step and return loss and accuracy of its batch."""
    rng = np.random.default_rng([seed, zlib.crc32(stage.name.encode()), step])
    for group in optimiser.param_groups:
        group["lr"] = stage.rate * schedule(step, stage.steps, stage.warmup)
    loss, accuracy = stage.step(step, rng)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(stage.parameters, 1.0)
    optimiser.step()
    return loss.item(), accuracy


def schedule(step: int, steps: int, warmup: int) -> float:
    """Return the share of the peak rate at a step: linear warm-up, then linear decay over the whole stage."""
    return min(1.0, (step + 1) / max(1, warmup)) * (1 - (1 - _FLOOR) * step / max(1, steps))


def _save(
    work: Path,
    fingerprint: str,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    records: Sequence[StageRecord],
) -> None:
    """Write the state by rename, so that a kill leaves the old state or the new one."""
    work.mkdir(parents=True, exist_ok=True)
    partial = work / "state.pt.partial"
    state = {
        "fingerprint": fingerprint,
        "module": module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "records": [asdict(record) for record in records],
    }
    with partial.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(work / "state.pt")


def _load(work: Path, fingerprint: str) -> dict[str, Any] | None:
    """Read the saved state, or None if there is none for this training."""
    path = work / "state.pt"
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state if state["fingerprint"] == fingerprint else None
