"""Schedules are the curves they claim to be, also against those of transformers."""

import pytest
import torch
from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

from earmark.training import schedule


def test_linear_warms_up_and_decays_to_its_floor() -> None:
    shares = [schedule.linear(100, 10)(step) for step in range(100)]
    assert shares[0] < 0.11
    assert max(shares) == max(shares[8:12])
    assert 0.05 < shares[-1] < 0.07


@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_a_triangle_is_the_default_of_hugging_face(warmup: int) -> None:
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimiser, warmup, 40)
    for step in range(45):
        assert schedule.triangle(40, warmup)(step) == pytest.approx(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()


def test_constant_is_that_of_transformers_one_step_ahead() -> None:
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = get_constant_schedule_with_warmup(optimiser, 6)
    for step in range(12):
        optimiser.step()
        theirs.step()
        assert schedule.constant(6)(step) == pytest.approx(theirs.get_last_lr()[0])
