"""A training of two stages over one small layer: run by the tests in this process and in others.

python small_recipe.py FOLDER
"""

import json
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from earmark.training import engine  # noqa: E402
from earmark.training.averaging import Choice, Last  # noqa: E402
from earmark.training.schedule import constant  # noqa: E402
from earmark.training.stage import Draw, Loss, Stage  # noqa: E402

LAST = Last()


class Interruption(Exception):
    """Stands for a kill."""


class Small:
    """Two stages; the second trains the bias only, and a layer inside is not trained at all."""

    def __init__(
        self,
        fail_at: tuple[str, int] | None = None,
        *,
        choice: Choice = LAST,
        dropout: float = 0.0,
        process: int = 0,
        processes: int = 1,
        at: dict[str, dict[int, Callable[[], None]]] | None = None,
    ) -> None:
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 1)
        self.layer.frozen = self.frozen = nn.Linear(2, 2)
        self.fail_at, self.choice, self.at = fail_at, choice, at or {}
        self.dropout = nn.Dropout(dropout)
        self.process, self.processes = process, processes

    def stages(self) -> list[Stage]:
        """Return the stages, with optimisers of their own."""
        trained = {"one": [self.layer.weight, self.layer.bias], "two": [self.layer.bias]}
        return [
            Stage(
                name,
                30,
                torch.optim.AdamW(parameters, lr=0.05),
                partial(self.loss, name),
                schedule=constant(5),
                epoch=10,
                validate=self.validate,
                choice=self.choice,
                cure="lower the rate of the test",
            )
            for name, parameters in trained.items()
        ]

    def draw(self, name: str, step: int) -> Draw:
        """Return what the engine gives a stage for a step."""
        return Draw(step, np.random.default_rng([4, zlib.crc32(name.encode()), step]))

    def loss(self, name: str, draw: Draw) -> Loss:
        """Return the loss of this process's share of a batch of 8 items, of a single one at every seventh step."""
        if (name, draw.step) == self.fail_at:
            raise Interruption
        self.at.get(name, {}).get(draw.step, lambda: None)()
        items = 1 if draw.step % 7 == 6 else 8
        x = torch.from_numpy(draw.rng.standard_normal((8, 3), dtype=np.float32))[:items]
        own = x[self.process :: self.processes]
        part = own if len(own) else x[:1]
        losses = (self.layer(self.dropout(part)) - part.sum(dim=1, keepdim=True) - 1).square()
        count = len(own)
        return Loss(
            losses.sum() * bool(count),
            count,
            means={"half": 0.5 * count},
            counts={"big": 0.25 * count},
        )

    def validate(self) -> dict[str, float]:
        """Return how far the weights are from those to be learned."""
        return {"error": float((self.layer.weight.detach() - 1).abs().sum())}


def weights(small: Small) -> list[float]:
    """Return all weights that are trained."""
    return [*small.layer.weight.flatten().tolist(), *small.layer.bias.tolist()]


def main(folder: Path) -> None:
    """Train in as many processes as accelerate has started, and write what came out."""
    accelerator = Accelerator(cpu=True)
    small = Small(process=accelerator.process_index, processes=accelerator.num_processes)
    records = engine.train(
        small.stages(), small.layer, accelerator, seed=4, work=folder, fingerprint="x", save_every=7
    )
    if accelerator.is_main_process:
        made = {
            "processes": accelerator.num_processes,
            "weights": weights(small),
            "losses": [entry["loss"] for record in records for entry in record.epochs],
            "totals": [record.totals for record in records],
        }
        folder.with_suffix(".json").write_text(json.dumps(made))
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
