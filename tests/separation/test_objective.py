"""What a training minimises, against the scores that count."""

from __future__ import annotations

import pytest
import torch

from earmark.systems.separation.asked import Recipe
from earmark.systems.separation.objective import losses
from earmark.systems.separation.scores import sdr, si_sdr
from earmark.systems.separation.training_keys import Training


@pytest.fixture
def waves() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    target, rest = torch.randn(2, 4000).unbind()
    return target, 0.6 * target + 0.3 * rest


def test_losses_are_the_negative_scores(waves) -> None:
    target, estimate = waves
    ours = {kind: losses(estimate[None], target[None], kind).item() for kind in ("l1", "sdr", "both")}
    ratio, invariant = (score(target.numpy(), estimate.numpy()) for score in (sdr, si_sdr))
    assert ours["l1"] == pytest.approx((estimate - target).abs().mean().item())
    # each ratio levels off at 30 dB, which shifts one of 6 dB by some hundredths
    assert ours["sdr"] == pytest.approx(-ratio, abs=0.05)
    assert ours["both"] == pytest.approx(-(ratio + invariant) / 2, abs=0.05)


def test_an_estimate_that_is_clean_but_quiet_gains_in_both_what_sdr_does_not_see(waves) -> None:
    quiet, silent = 0.1 * waves[0], 0 * waves[0]
    gained = {
        kind: losses(silent[None], waves[0][None], kind) - losses(quiet[None], waves[0][None], kind)
        for kind in ("sdr", "both")
    }
    assert gained["sdr"].item() < 1 < 5 < gained["both"].item()
    assert torch.isfinite(losses(silent[None], silent[None], "both")).all()


def test_a_perfect_estimate_gains_no_more_than_30_db(waves) -> None:
    target = waves[0]
    assert losses(target[None], target[None], "sdr").item() == pytest.approx(-30, abs=0.01)


def test_a_recipe_has_the_keys_of_config_s_trainings() -> None:
    assert list(Recipe.model_fields) == list(Training.model_fields)
