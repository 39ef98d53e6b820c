"""The training of a student on accelerate: one CPU process, several, one GPU or several.

A step's batch is that of all processes together, and its loss the mean over it, so the number of processes
changes nothing but rounding. Which clips a step sees and what is done to them is a function of the seed, and
all else a step depends on is in the saved state: interrupted and resumed, a training ends with the same bits
as one left alone (same device, same numbers of processes and threads).
"""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import ASTForAudioClassification

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.progress import tqdm
from earmark.merging.schedule import Schedule
from earmark.systems.tagging import averaging, validation
from earmark.systems.tagging.curves import Curves
from earmark.systems.tagging.dataset import Batch
from earmark.systems.tagging.loader import Examples, batches
from earmark.systems.tagging.loss import clip_losses
from earmark.systems.tagging.sampling import Order, Share, balanced_weights
from earmark.systems.tagging.settings import Training
from earmark.systems.tagging.state import Progress, Store

_WRITE_EVERY = 10  # steps between two points of the loss's curve


@dataclass(frozen=True)
class Plan:
    """What a training does apart from its data.

    ``training``: with its warm-up fitted to the steps. ``weight`` is lambda, that of the labels;
    ``merging`` the tokens merged while training.
    """

    training: Training
    kind: str
    seed: int
    weight: float = 1.0
    merging: Schedule | None = None
    proportional: bool = True


def prepare(device: str, threads: int, precision: str) -> Accelerator:
    """Return accelerate on the device that config names, with deterministic operations.

    ``threads`` are those of this process. Raises UserError if there is no such device, or fp16 without one.
    """
    # Read by cuBLAS when it starts; without it, its sums depend on what runs beside them.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    chosen = devices.prepare(device, threads)
    if precision == "fp16" and chosen.type == "cpu":
        raise UserError("training.precision: fp16 needs a GPU; use bf16 or no on a CPU")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    return Accelerator(cpu=chosen.type == "cpu", mixed_precision=precision)


class Trainer:
    """One training, from its first step or from where it was interrupted."""

    def __init__(
        self,
        model: ASTForAudioClassification,
        train: Examples,
        valid: Examples,
        plan: Plan,
        accelerator: Accelerator,
        *,
        work: Store,
        events: Path,
    ) -> None:
        """Place the model, and load the state if there is one of this training."""
        self.train, self.valid, self.plan, self.accelerator = train, valid, plan, accelerator
        settings = plan.training
        weights = balanced_weights(train.label_table()) if settings.sampling == "balanced" else None
        self.order = Order(len(train), settings.batch_size, plan.seed, weights)
        self.store = work
        saved = work.load()
        self.progress = saved[0] if saved else Progress()
        if saved:
            model.load_state_dict(saved[1]["model"])
        self.plain = model  # as it is called outside the wrappers of several processes
        optimiser = torch.optim.Adam(
            model.parameters(),
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
        )
        self.model, self.optimiser = accelerator.prepare(model, optimiser)
        if saved:
            self.optimiser.load_state_dict(saved[1]["optimiser"])
            if accelerator.scaler is not None:
                accelerator.scaler.load_state_dict(saved[1]["scaler"])
        # Sums of the running epoch over this process; the main one's hold the saved ones too.
        main = accelerator.is_main_process
        start = [self.progress.loss, *self._counts()] if main else [0.0] * 4
        self.sums = torch.tensor(start, dtype=torch.float64, device=accelerator.device)
        self.curves = Curves(events if main else None, self.progress.step)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.order.steps_per_epoch * self.plan.training.epochs

    def run(self) -> Progress:
        """Take the steps that are left and leave the chosen or averaged weights in the model.

        Raises:
            UserError: the loss is no number.

        """
        with self._merging(), self.curves:
            self._take_steps()
            self._choose()
        return self.progress

    def _take_steps(self) -> None:
        settings, here = self.plan.training, self.accelerator
        share = Share(self.order, self.progress.step, self.steps, here.process_index, here.num_processes)
        pinned = here.device.type == "cuda"
        loaded = batches(self.train, share, settings.workers, pinned=pinned) if len(share) else iter(())
        self.model.train()
        with tqdm(
            total=self.steps,
            initial=self.progress.step,
            desc="training",
            unit="step",
            file=sys.stderr,
            maxinterval=30.0,
            disable=not here.is_main_process,
        ) as bar:
            started = time.perf_counter()
            for step in range(self.progress.step, self.steps):
                asked = time.perf_counter()
                batch = next(loaded)
                self.progress.waited_s += time.perf_counter() - asked
                self._step(step, batch.to(here.device))
                bar.update()
                ends = (step + 1) % self.order.steps_per_epoch == 0
                if not ends and (step + 1) % settings.save_every:
                    continue
                self._sum_up()
                self.progress.train_s += time.perf_counter() - started
                if ends:
                    self._end_epoch()
                    bar.set_postfix(self.curves.shown(self.progress.epochs[-1]), refresh=False)
                self._save()
                started = time.perf_counter()

    def _step(self, step: int, batch: Batch) -> None:
        """Take one optimiser step."""
        settings, here = self.plan.training, self.accelerator
        rate = settings.rate(step, step // self.order.steps_per_epoch + 1)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        losses = clip_losses(
            self.model(batch.features).logits,
            batch.target,
            batch.soft,
            batch.has_soft,
            weight=self.plan.weight,
            kind=settings.loss,
        )
        clips = self.order.batch_clips(step)
        own = (
            here.process_index < clips
        )  # else this process has no clip, and goes along with one of another's
        # The processes' gradients are averaged, whatever their numbers of clips.
        here.backward(losses.sum() * (here.num_processes / clips if own else 0.0))
        if settings.clip_norm is not None:
            here.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.optimiser.step()
        self.progress.step = step + 1
        if own:
            alone = (~batch.has_soft & (self.plan.weight < 1)).sum()
            count = batch.has_soft.new_tensor(len(losses), dtype=torch.float64)
            self.sums += torch.stack([losses.detach().sum().double(), count, batch.mixed.sum(), alone])
        if step % _WRITE_EVERY == 0:
            total = here.reduce(losses.detach().sum() * own, "sum")
            self.curves.step(step, total.item() / clips, rate)

    def _counts(self) -> list[float]:
        progress = self.progress
        return [float(progress.clips), float(progress.mixed), float(progress.without_teacher)]

    def _sum_up(self) -> None:
        """Bring the sums of all processes into the progress."""
        total = self.accelerator.reduce(self.sums, "sum")
        self.sums = total if self.accelerator.is_main_process else torch.zeros_like(total)
        progress = self.progress
        progress.loss, *counts = total.tolist()
        progress.clips, progress.mixed, progress.without_teacher = (round(count) for count in counts)
        if not math.isfinite(progress.loss):
            raise UserError(
                f"training: the loss is no number any more at step {progress.step}; lower learning_rate, "
                "raise warmup_steps or set clip_norm"
            )

    def _end_epoch(self) -> None:
        """Validate, keep the weights if they are wanted, and note the epoch."""
        progress, settings, started = self.progress, self.plan.training, time.perf_counter()
        epoch = len(progress.epochs) + 1
        name = validation.metric(self.plan.kind)
        found = self._validate()
        best = max((entry[name] for entry in progress.epochs), default=-math.inf)
        main = self.accelerator.is_main_process
        average = settings.averaging
        if average is None and found[name] > best:
            progress.best = epoch
            if main:
                self.store.write_weights("best", epoch, self.plain.state_dict())
        if average is not None and average.first <= epoch <= average.last:
            if main:
                before = self.store.read_weights("sum", epoch - 1) if progress.averaged else None
                self.store.write_weights("sum", epoch, averaging.add(before, self.plain.state_dict()))
            progress.averaged = epoch
        loss = progress.loss / progress.clips
        rate = settings.rate(progress.step - 1, epoch)
        progress.epochs.append({"epoch": epoch, "loss": loss, "rate": rate, **found})
        progress.drawn += progress.clips
        progress.loss, progress.clips = 0.0, 0
        self.sums[:2] = 0
        progress.validation_s += time.perf_counter() - started
        self.curves.epoch(progress.step, progress.epochs[-1])

    def _validate(self) -> dict[str, float]:
        settings = self.plan.training
        logits = validation.predict(
            self.model,
            self.valid,
            self.accelerator,
            batch_size=2 * settings.batch_size,
            workers=settings.workers,
        )
        return validation.score(logits, self.valid.label_table().toarray(), self.plan.kind)

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            scaler = self.accelerator.scaler
            self.store.save(
                self.progress,
                model=self.plain.state_dict(),
                optimiser=self.optimiser.state_dict(),
                scaler=None if scaler is None else scaler.state_dict(),
            )
        self.accelerator.wait_for_everyone()

    def _choose(self) -> None:
        """Load the weights the training ends with."""
        average = self.plan.training.averaging
        weights: dict[str, Tensor]
        if average is None:
            weights = self.store.read_weights("best", self.progress.best)
        else:
            count = average.last - average.first + 1
            weights = averaging.mean(self.store.read_weights("sum", average.last), count)
        self.plain.load_state_dict(weights)

    def _merging(self) -> Any:
        merging = self.plan.merging
        if merging is None or not any(merging.per_layer(self.plain.config.num_hidden_layers)):
            return nullcontext()
        from earmark.merging.hooks import Merging

        return Merging(self.plain, merging, proportional=self.plan.proportional)

    def final(self) -> dict[str, float]:
        """Return the validation of the weights the training ended with."""
        with self._merging():
            return self._validate()
