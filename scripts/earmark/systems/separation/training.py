"""Trainings on mixtures: of a network from its start, and of a domain's adapter.

Queries are looked up in a table, so no text encoder runs here. Weights are chosen by SDRi on mixtures of
recordings that are kept out of the training, never by a set that results are computed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from earmark.core.errors import UserError
from earmark.systems.separation.asked import Recipe
from earmark.systems.separation.drawing import Draw, Item
from earmark.systems.separation.mixing import Levels
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.objective import losses
from earmark.systems.separation.query.table import Table, spoken
from earmark.systems.separation.scores import score
from earmark.systems.separation.sounds import Sounds
from earmark.training import engine
from earmark.training.averaging import Best, Last
from earmark.training.schedule import constant, linear
from earmark.training.stage import Loss, Stage, Steps
from earmark.training.state import StageRecord

METRIC = "sdri"


@dataclass(frozen=True)
class Batch:
    """Mixtures and targets [batch, samples], the queries' vectors [batch, size]; ``own`` items count."""

    mixture: Tensor
    target: Tensor
    query: Tensor
    own: int


@dataclass(frozen=True)
class Material:
    """Sounds to train on and to choose by, what to draw of them, and the vectors of their labels."""

    train: Draw
    valid: Draw | None
    table: Table
    scale: float = 1.0

    def query(self, items: list[Item]) -> Tensor:
        """Return the vectors of the items' labels."""
        return self.scale * torch.from_numpy(self.table.of([spoken(item.label) for item in items]))


def material(
    train: Sounds, valid: Sounds, table: Table, recipe: Recipe, scale: float, domain: frozenset[str] | None
) -> Material:
    """Return what a training draws from; ``scale`` is of the queries, ``domain`` an adapter's labels."""
    levels = Levels(recipe.low_db, recipe.high_db)
    samples = round(recipe.seconds * SAMPLE_RATE)
    share = recipe.same_domain_share
    draw = Draw(train, domain, share, recipe.sounds, levels, samples, recipe.speed)
    held = len(valid) > 0 and (domain is None or any(domain & set(clip.labels) for clip in valid.clips))
    choosing = Draw(valid, domain, share, 2, Levels(0, 0), None) if held else None
    return Material(draw, choosing, table, scale)


class Trainer:
    """One training, from its first step or from where it was interrupted."""

    def __init__(
        self,
        model: nn.Module,
        weights: list[nn.Parameter],
        found: Material,
        recipe: Recipe,
        seed: int,
        accelerator: Accelerator,
        where: str = "training",
    ) -> None:
        self.model, self._weights, self._found = model, weights, found
        self._recipe, self._seed, self._here = recipe, seed, accelerator
        self._cure = f"lower {where}.learning_rate, or raise its warmup_steps"

    @property
    def size(self) -> int:
        """Numbers that are trained."""
        return sum(weight.numel() for weight in self._weights)

    def run(self, *, work: Path, fingerprint: str, events: Path | None = None) -> StageRecord:
        """Take the steps that are left and leave the chosen weights in the model.

        Raises:
            UserError: the loss is not finite, or the sounds cannot be read.

        """
        [record] = engine.train(
            [self.stage()],
            self.model,
            self._here,
            seed=self._seed,
            work=work,
            fingerprint=fingerprint,
            save_every=self._recipe.save_every,
            events=events,
        )
        return record

    def stage(self) -> Stage:
        """Return the one stage of the training."""
        recipe = self._recipe
        steps, warm = recipe.steps, recipe.warmup_steps
        optimiser = torch.optim.AdamW(self._weights, lr=recipe.learning_rate, weight_decay=0.0, amsgrad=True)
        chosen = self._found.valid is not None
        return Stage(
            "separation",
            steps,
            optimiser,
            self._loss,
            batches=self._batches,
            schedule=linear(steps, warm) if recipe.decay == "linear" else constant(warm),
            clip_norm=recipe.clip_norm,
            epoch=recipe.validate_every,
            validate=self.validate if chosen else None,
            choice=Best(METRIC) if chosen else Last(),
            patience=recipe.patience if chosen else None,
            cure=self._cure,
        )

    def _batches(self, steps: Steps) -> Iterator[Batch]:
        """Yield this process's mixtures of each step; the next ones are mixed while a step is taken."""
        with ThreadPoolExecutor(1) as beside:
            coming = beside.submit(self._batch, steps.first, steps)
            for step in range(steps.first, steps.last):
                batch = coming.result()
                if step + 1 < steps.last:
                    coming = beside.submit(self._batch, step + 1, steps)
                yield batch

    def _batch(self, step: int, steps: Steps) -> Batch:
        mine = range(steps.process, self._recipe.batch_size, steps.processes)
        items = [self._found.train.item(self._seed, step, number) for number in mine or [0]]
        mixture, target = (
            torch.from_numpy(np.stack([getattr(item.mixture, side) for item in items]))
            for side in ("mixture", "target")
        )
        return Batch(mixture, target, self._found.query(items), len(mine))

    def _loss(self, batch: Batch) -> Loss:
        device = self._here.device
        estimate = self.model(batch.mixture.to(device), batch.query.to(device))
        found = losses(estimate.float(), batch.target.to(device), self._recipe.loss)
        return Loss(found.sum() * float(batch.own > 0), batch.own)

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Return what is gained on mixtures of the recordings kept out, target and rest equally loud.

        Raises:
            UserError: the training has left the numbers.

        """
        draw, model = self._found.valid, self.model
        assert draw is not None
        model.eval()
        gained = []
        for number in range(min(self._recipe.validation_mixtures, 4 * len(draw.targets))):
            item = draw.item(self._seed, "validation", number)
            mixture = torch.from_numpy(item.mixture.mixture)[None].to(self._here.device)
            estimate = model(mixture, self._found.query([item]).to(self._here.device))[0].cpu().numpy()
            if not np.isfinite(estimate).all():
                raise UserError(f"separation: estimates are no longer finite numbers; {self._cure}")
            found = score(item.mixture.target, item.mixture.mixture, estimate)
            gained.append((found.sdri, found.si_sdri))
        return dict(zip((METRIC, "si_sdri"), np.mean(gained, axis=0).tolist(), strict=True))
