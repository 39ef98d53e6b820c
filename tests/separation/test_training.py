"""A training that has left the numbers ends in one line that names the key to change."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from earmark.core.errors import UserError
from earmark.systems.separation.asked import Recipe
from earmark.systems.separation.drawing import Item
from earmark.systems.separation.mixing import Mixture
from earmark.systems.separation.query.table import Table
from earmark.systems.separation.training import Material, Trainer
from earmark.systems.separation.training_keys import Training
from earmark.training.engine import prepare


class Lost(nn.Module):
    """A network that has nothing finite to say."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, mixture: Tensor, query: Tensor) -> Tensor:
        return mixture * self.weight * torch.nan


@pytest.fixture
def trainer() -> Trainer:
    wave = np.linspace(-0.1, 0.1, 3000, dtype=np.float32)
    item = Item(Mixture(wave, wave, 0.0), "dog")
    draw = SimpleNamespace(targets=[0], item=lambda *place: item)
    found = Material(draw, draw, Table(("dog",), np.ones((1, 8), np.float32)))
    recipe = Recipe.model_validate(Training(steps=3, batch_size=1).plain())
    model = Lost()
    here = prepare("cpu", 1)
    return Trainer(model, [model.weight], found, recipe, 0, here, "separators.mini.train")


def test_a_loss_that_is_no_number_stops_the_training(trainer, tmp_path) -> None:
    said = "no longer a finite number at step 1; lower separators.mini.train.learning_rate, or raise its warmup_steps"
    with pytest.raises(UserError, match=said):
        trainer.run(work=tmp_path, fingerprint="x")


def test_estimates_that_are_no_numbers_stop_a_validation(trainer) -> None:
    with pytest.raises(
        UserError, match="no longer finite numbers; lower separators.mini.train.learning_rate"
    ):
        trainer.validate()
