"""The scores of estimates whose score is known by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.core.errors import UserError
from earmark.systems.separation.scores import score, sdr, si_sdr


@pytest.fixture
def waves() -> tuple[np.ndarray, np.ndarray]:
    """Two sounds that have nothing in common, equally loud."""
    time = np.arange(32_000) / 32_000
    return tuple(0.3 * np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (440, 700))


def test_the_mixture_itself_gains_nothing(waves) -> None:
    found = score(waves[0], waves[0] + waves[1], waves[0] + waves[1])
    assert found.sdri == 0 and found.si_sdri == 0
    assert found.mixture_sdr == pytest.approx(0, abs=1e-4)


def test_half_the_mixture_gains_3_db_of_sdr_and_nothing_of_si_sdr(waves) -> None:
    mixture = waves[0] + waves[1]
    found = score(waves[0], mixture, mixture / 2)
    assert found.sdri == pytest.approx(10 * np.log10(2), abs=1e-3)
    assert found.si_sdri == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("factor", [0.5, 0.9, 2.0])
def test_a_scaled_copy_has_the_sdr_of_its_factor_and_a_very_large_si_sdr(waves, factor) -> None:
    assert sdr(waves[0], factor * waves[0]) == pytest.approx(-20 * np.log10(abs(1 - factor)), abs=1e-4)
    assert si_sdr(waves[0], factor * waves[0]) > 70


@pytest.mark.parametrize("decibels", [-10, 0, 7])
def test_noise_at_a_known_level_has_that_ratio(waves, decibels) -> None:
    estimate = waves[0] + 10 ** (-decibels / 20) * waves[1]
    assert sdr(waves[0], estimate) == pytest.approx(decibels, abs=1e-3)
    assert si_sdr(waves[0], estimate) == pytest.approx(decibels, abs=1e-3)


def test_a_silent_source_a_wrong_length_and_what_is_no_number_are_not_scored(waves) -> None:
    one, two = waves
    with pytest.raises(UserError, match="silent source"):
        score(0 * one, two, two)
    with pytest.raises(UserError, match="different lengths"):
        score(one, two, two[1:])
    with pytest.raises(UserError, match="not finite"):
        score(one, two, two * np.nan)
