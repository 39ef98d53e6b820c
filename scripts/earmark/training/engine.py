"""The training engine, on accelerate: one CPU process, several, one GPU or several.

A recipe is a list of stages. A stage says which parameters it trains, by the optimiser it brings, where its
batches come from and what the loss of one is; the engine does the rest: rate, clipping, mixed precision,
processes, progress, validation, curves, and a state to go on from.

A step's batch is that of all processes together, and its loss the mean over all its items, so the number of
processes changes nothing but rounding. Every step draws from generators seeded by (seed, stage, step) alone,
and everything else that it depends on is in the saved state: interrupted and resumed, a training ends with
the same bits as one left alone (same device, same numbers of processes and threads).
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.progress import tqdm
from earmark.training import averaging
from earmark.training.averaging import Weights
from earmark.training.curves import Curves
from earmark.training.stage import Draw, Loss, Stage, Steps
from earmark.training.state import Saved, StageRecord, Store

_AVERAGE = 0.95  # decay of the running means that are shown and recorded
_CURVE_POINTS = 50  # of a stage, in its record
_WRITE_EVERY = 10  # steps between two points for TensorBoard
_SAVE_S = 300.0  # a state is saved after so long, where steps are slow


def prepare(device: str, threads: int, precision: str = "no") -> Accelerator:
    """Return accelerate on the device that config names, with deterministic operations.

    ``threads`` are those of this process. Raises UserError if there is no such device, or fp16 without one.
    """
    # Read by cuBLAS when it starts; without it, its sums depend on what runs beside them.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    chosen = devices.prepare(device, threads)
    if precision == "fp16" and chosen.type == "cpu":
        raise UserError("training.precision: fp16 needs a GPU; use bf16 or no on a CPU")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    return Accelerator(cpu=chosen.type == "cpu", mixed_precision=precision)


def train(
    stages: Sequence[Stage],
    module: nn.Module,
    accelerator: Accelerator,
    *,
    seed: int,
    work: Path,
    fingerprint: str,
    save_every: int = 500,
    events: Path | None = None,
) -> list[StageRecord]:
    """Run the stages in order, going on from the state in ``work`` if it is one of this training.

    Args:
        stages: run one after another.
        module: owns every trained parameter. It is placed on the device, and called as it is by the recipe;
            what is saved are its trained parameters and its buffers.
        accelerator: of :func:`prepare`. The engine prepares the module, nothing else may.
        seed: of all steps' randomness.
        work: folder for the state; it is left in place, also at the end.
        fingerprint: identifies data and settings; a state with another one is ignored.
        save_every: steps between two saves; the end of an epoch or a stage is saved anyway, and every five
            minutes.
        events: folder of the curves for TensorBoard.

    Returns:
        One record per stage.

    Raises:
        UserError: a loss is not finite.
        OSError: no space is left on the disk.

    """
    trained = {id(weight) for stage in stages for weight in stage.parameters()}
    names = {name for name, weight in module.named_parameters() if id(weight) in trained}
    weights = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    names |= module.state_dict().keys() - weights
    store = Store(work, f"{fingerprint} {accelerator.num_processes}")
    saved = store.load()
    records = saved.records if saved else []
    done = sum(record.steps for record in records)
    with Curves(events if accelerator.is_main_process else None, done) as curves:
        for index, stage in enumerate(stages):
            if index < len(records) - 1:
                continue  # finished before the interruption
            resumed = saved if index < len(records) else None
            if resumed is None:
                records.append(StageRecord(stage.name))
            run = _Run(stage, module, accelerator, names, records, seed, store, save_every, curves)
            try:
                run.go(resumed)
            finally:
                run.release()
    return records


class _Forward(nn.Module):
    """A recipe's loss as a module around the trained one: what accelerate wraps, casts, saves and loads.

    Its state is that of ``names`` alone: a frozen model is not written again and again.
    """

    def __init__(self, module: nn.Module, loss: Callable[[Any], Loss], names: set[str]) -> None:
        super().__init__()
        self.module, self._loss = module, loss
        self._names = {f"module.{name}" for name in names}
        self.register_state_dict_post_hook(self._only_trained)

    def forward(self, batch: Any) -> Loss:
        return self._loss(batch)

    @staticmethod
    def _only_trained(module: nn.Module, state: Json, prefix: str, _: Any) -> None:
        assert isinstance(module, _Forward)
        for name in [name for name in state if name.startswith(prefix)]:
            if name.removeprefix(prefix) not in module._names:
                del state[name]


class _Run:
    """One stage, from its first step or from where it was interrupted."""

    def __init__(
        self,
        stage: Stage,
        module: nn.Module,
        accelerator: Accelerator,
        names: set[str],
        records: list[StageRecord],
        seed: int,
        store: Store,
        save_every: int,
        curves: Curves,
    ) -> None:
        self._stage, self._module, self._here = stage, module, accelerator
        self._records, self._record, self._names = records, records[-1], names
        self._store, self._save_every, self._curves = store, save_every, curves
        self._seed = (seed, zlib.crc32(stage.name.encode()))
        self._before = sum(record.steps for record in records[:-1])
        self._kept: Weights | None = None
        own = {id(weight) for weight in stage.parameters()}
        self._frozen = [p for p in module.parameters() if p.requires_grad and id(p) not in own]
        for weight in self._frozen:
            weight.requires_grad_(False)
        forward = _Forward(module, stage.loss, names)
        self._forward, self._optimiser = accelerator.prepare(forward, stage.optimiser)
        self._peaks = [group["lr"] for group in self._optimiser.param_groups]
        # of this process: loss, items, means and counts since they were last summed up, and the running means
        self._sums, self._running = (torch.zeros(0, dtype=torch.float64) for _ in range(2))

    def go(self, saved: Saved | None) -> None:
        """Take the steps that are left after a state, and leave the chosen weights in the module."""
        if saved is not None:
            self._here.load_state(str(saved.folder), strict=False)
            self._kept = saved.kept
        self._take_steps()
        if self._kept is not None:
            with torch.no_grad():
                for name, value in self._weights().items():
                    value.copy_(self._kept[name])

    def release(self) -> None:
        """Leave the module and accelerate as they were."""
        for weight in self._frozen:
            weight.requires_grad_(True)
        self._here.free_memory()

    def _take_steps(self) -> None:
        """Take the steps that the record does not have yet, and keep it up to date."""
        stage, record, here = self._stage, self._record, self._here
        batches = self._batches()
        self._module.train()
        wall, cpu = time.perf_counter(), time.process_time()
        with tqdm(
            total=stage.steps,
            initial=record.steps,
            desc=stage.name,
            unit="step",
            file=sys.stderr,
            maxinterval=30.0,
            disable=None if here.is_main_process else True,
        ) as bar:
            for step in range(record.steps, stage.steps):
                if stage.ended(record.epochs):
                    break
                asked = time.perf_counter()
                batch = next(batches)
                record.waited_s += time.perf_counter() - asked
                self._step(step, batch)
                record.steps = step + 1
                late = self._note(step, late=time.perf_counter() - wall > _SAVE_S)
                bar.set_postfix(self._shown(), refresh=False)
                bar.update()
                last = step + 1 == stage.steps
                ends = stage.epoch is not None and (last or (step + 1) % stage.epoch == 0)
                if not (ends or last or late or (step + 1) % self._save_every == 0):
                    continue
                self._sum_up()
                record.seconds += time.perf_counter() - wall
                record.cpu_seconds += time.process_time() - cpu
                if ends:
                    self._end_epoch()
                    bar.set_postfix(self._shown(), refresh=False)
                self._store.save(here, self._records, self._kept)
                wall, cpu = time.perf_counter(), time.process_time()

    def _batches(self) -> Iterator[Any]:
        """Return the batches of the steps that are left."""
        first, last = self._record.steps, self._stage.steps
        if first == last:
            return iter(())
        if self._stage.batches is None:
            return (Draw(step, np.random.default_rng([*self._seed, step])) for step in range(first, last))
        return self._stage.batches(Steps(first, last, self._here.process_index, self._here.num_processes))

    def _step(self, step: int, batch: Any) -> None:
        """Take one optimiser step."""
        stage, here = self._stage, self._here
        for group, peak in zip(self._optimiser.param_groups, self._peaks):
            group["lr"] = peak * stage.schedule(step)
        # Dropout and the like; a loss that draws from torch's generators draws the same after a resume.
        torch.manual_seed(zlib.crc32(f"{self._seed} {step} {here.process_index}".encode()))
        if here.device.type != "cpu" and not isinstance(batch, Draw):
            batch = send_to_device(batch, here.device)
        loss: Loss = self._forward(batch)
        items: Any = loss.items
        if here.num_processes > 1:
            items = here.reduce(torch.tensor(items, dtype=torch.float64, device=here.device), "sum")
        self._optimiser.zero_grad()
        # The processes' gradients are averaged, whatever their numbers of items.
        here.backward(loss.total * (here.num_processes / items))
        if stage.clip_norm is not None:
            here.clip_grad_norm_(stage.parameters(), stage.clip_norm)
        self._optimiser.step()
        self._add(step, loss, items)

    def _add(self, step: int, loss: Loss, items: Any) -> None:
        """Add a step to the sums and the running means, without waiting for the device."""
        device, record = self._here.device, self._record
        values = [loss.total, loss.items, *loss.means.values(), *loss.counts.values()]
        row = torch.stack(
            [torch.as_tensor(value, device=device).detach().to(torch.float64) for value in values]
        )
        means = torch.cat([row[:1], row[2 : 2 + len(loss.means)]]) / items
        if not len(self._sums):
            self._sums = torch.zeros_like(row)
            started = [record.loss, *(record.means.get(name, 0.0) for name in loss.means)]
            # what is saved are sums over the processes, and the first one's go on from there
            share = 1.0 if self._here.is_main_process else 0.0
            self._running = torch.tensor(started, dtype=torch.float64, device=device) * share
        self._last = means
        self._mean_names, self._count_names = list(loss.means), list(loss.counts)
        self._sums += row
        # the mean starts at the first value, so early points of the curve are not biased to zero
        decay = min(_AVERAGE, step / (step + 1))
        self._running = decay * self._running + (1 - decay) * means

    def _note(self, step: int, late: bool) -> bool:
        """Bring the running means into the record, and into the curves, where it is time for it.

        Returns whether a process finds that it is late for a save: all of them or none are told so.
        """
        stage, record = self._stage, self._record
        every = max(1, stage.steps // _CURVE_POINTS)
        written = step % _WRITE_EVERY == 0
        point = record.steps % every == 0 or record.steps == stage.steps
        saved = record.steps % self._save_every == 0 or (stage.epoch and record.steps % stage.epoch == 0)
        if not (written or point or saved):
            return False
        said = torch.stack([self._last, self._running, torch.full_like(self._last, late)])
        last, running, [lates, *_] = self._here.reduce(said, "sum").tolist()
        if not np.isfinite(running).all():
            raise UserError(
                f"{stage.name}: the loss is no longer a finite number at step {record.steps}; {stage.cure}"
            )
        record.loss, *means = running
        record.means = dict(zip(self._mean_names, means, strict=True))
        if point:
            record.curve.append([record.steps, *(round(value, 4) for value in running)])
        if written:
            rate = self._optimiser.param_groups[0]["lr"]
            shown = dict(zip(["loss", *self._mean_names], last, strict=True))
            self._curves.write(stage.name, self._before + step, {**shown, "rate": rate})
        return bool(lates)

    def _sum_up(self) -> None:
        """Bring the sums of all processes into the record."""
        loss, items, *others = self._here.reduce(self._sums, "sum").tolist()
        self._sums = torch.zeros_like(self._sums)
        record = self._record
        record.epoch_loss += loss
        record.epoch_items += items
        counts = zip(self._count_names, others[len(self._mean_names) :], strict=True)
        for name, value in (("items", items), *counts):
            record.totals[name] = record.totals.get(name, 0.0) + value

    def _end_epoch(self) -> None:
        """Validate, keep the weights if they are wanted, and note the epoch."""
        stage, record, started = self._stage, self._record, time.perf_counter()
        entry: Json = {
            "epoch": len(record.epochs) + 1,
            "loss": record.epoch_loss / record.epoch_items,
            "rate": self._optimiser.param_groups[0]["lr"],
        }
        measured = stage.validate() if stage.validate is not None else {}
        self._module.train()
        record.epochs.append({**entry, **measured})
        record.epoch_loss = record.epoch_items = 0.0
        if stage.choice.keeps(record.epochs):
            self._kept = averaging.updated(stage.choice, self._kept, record.kept, self._weights())
            record.kept, record.best = record.kept + 1, entry["epoch"]
        record.validation_s += time.perf_counter() - started
        at = self._before + record.steps - 1  # as of its last step, which a resume does not take again
        self._curves.write(stage.name, at, {"epoch_loss": entry["loss"]})
        self._curves.write("validation", at, measured)
        self._curves.flush()

    def _weights(self) -> dict[str, Tensor]:
        """Return the trained parameters and the buffers by name; changing them changes the module."""
        named = [*self._module.named_parameters(), *self._module.named_buffers()]
        return {name: value for name, value in named if name in self._names}

    def _shown(self) -> dict[str, str]:
        """Return what the progress bar shows."""
        latest = self._record.epochs[-1] if self._record.epochs else {}
        known = {"loss": self._record.loss, **self._record.means}
        known |= {name: value for name, value in latest.items() if name not in ("epoch", "loss", "rate")}
        return {name: f"{value:.3f}" for name, value in known.items()}
