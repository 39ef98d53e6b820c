"""The loop: learns, resumes exactly, and does not resume what is not its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from earmark.training import loop


class Interruption(Exception):
    """Stands for a kill."""


def make(fail_at: tuple[str, int] | None = None) -> tuple[nn.Linear, list[loop.Stage]]:
    """Two stages over one small layer; the second trains the bias only."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 1)

    def stage(name: str, parameters: list[nn.Parameter]) -> loop.Stage:
        def step(index: int, rng: np.random.Generator) -> tuple[Tensor, float]:
            if (name, index) == fail_at:
                raise Interruption
            x = torch.from_numpy(rng.standard_normal((8, 3), dtype=np.float32))
            return (layer(x) - x.sum(dim=1, keepdim=True) - 1).square().mean(), 0.5

        return loop.Stage(name, 30, 0.05, parameters, step)

    return layer, [stage("one", list(layer.parameters())), stage("two", [layer.bias])]


def run(layer: nn.Linear, stages: list[loop.Stage], work: Path, mark: str = "x") -> list[loop.StageRecord]:
    return loop.run(stages, layer, seed=4, work=work, save_every=7, fingerprint=mark)


@pytest.mark.parametrize("fail_at", [("one", 3), ("one", 14), ("one", 29), ("two", 0), ("two", 20)])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, fail_at: tuple[str, int]) -> None:
    whole, stages = make()
    expected = run(whole, stages, tmp_path / "whole")

    with pytest.raises(Interruption):
        run(*make(fail_at), tmp_path / "cut")
    resumed, stages = make()
    records = run(resumed, stages, tmp_path / "cut")

    assert torch.equal(resumed.weight, whole.weight)
    assert torch.equal(resumed.bias, whole.bias)
    assert [(r.name, r.steps, r.loss, r.curve) for r in records] == [
        (r.name, r.steps, r.loss, r.curve) for r in expected
    ]


def test_a_finished_run_takes_no_more_steps(tmp_path: Path) -> None:
    layer, stages = make()
    run(layer, stages, tmp_path)

    again, stages = make(fail_at=("two", 29))
    run(again, stages, tmp_path)

    assert torch.equal(again.weight, layer.weight)


def test_a_state_of_another_training_is_ignored(tmp_path: Path) -> None:
    run(*make(), tmp_path, mark="old")

    with pytest.raises(Interruption):
        run(*make(fail_at=("one", 0)), tmp_path, mark="new")


def test_loss_falls_and_the_curve_ends_at_the_last_step(tmp_path: Path) -> None:
    records = run(*make(), tmp_path)

    assert records[1].loss < 0.5 * records[0].curve[0][1]
    assert records[0].curve[-1][0] == records[0].steps == 30
    assert not list(tmp_path.glob("*.partial"))


def test_the_schedule_warms_up_and_decays() -> None:
    rates = [loop.schedule(step, 100, 10) for step in range(100)]

    assert rates[0] < 0.11
    assert max(rates) == max(rates[8:12])
    assert 0.05 < rates[-1] < 0.07
