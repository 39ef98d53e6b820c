"""Mixtures: whole decibels, the same for the same item, and turned down where they would clip."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.systems.separation.mixing import Levels, crop, match, mix, played


def noise(seed: int, samples: int = 16_000, loud: float = 0.1) -> np.ndarray:
    return loud * np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def decibels(target: np.ndarray, mixture: np.ndarray) -> float:
    rest = mixture.astype(np.float64) - target
    return 10 * np.log10(np.mean(target.astype(np.float64) ** 2) / np.mean(rest**2))


@pytest.mark.parametrize("seed", range(20))
def test_with_one_interferer_the_target_is_a_whole_number_of_decibels_above_it(seed) -> None:
    made = mix(noise(1), [noise(2, loud=0.004 * (seed + 1))], np.random.default_rng(seed))

    found = decibels(made.target, made.mixture)

    assert abs(found - round(found)) < 1e-3
    assert -10 <= round(found) <= 10
    assert made.snr_db == pytest.approx(found, abs=1e-3)


def test_every_level_between_both_ends_is_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = {round(mix(noise(1), [noise(2)], rng, Levels(-2, 2)).snr_db) for _ in range(60)}
    assert drawn == {-2, -1, 0, 1, 2}


def test_a_mixture_that_would_clip_is_turned_down_with_its_target() -> None:
    target, other = noise(1, loud=0.6), noise(2, loud=0.6)

    made = mix(target, [other], np.random.default_rng(3))

    assert np.abs(made.mixture).max() == pytest.approx(0.9, abs=1e-6)
    assert np.allclose(made.target / target, (made.target / target)[0], atol=1e-5)
    assert decibels(made.target, made.mixture) == pytest.approx(made.snr_db, abs=1e-3)


def test_the_same_item_gives_the_same_mixture() -> None:
    one, two = (mix(noise(1), [noise(2), noise(3)], np.random.default_rng([4, 2])) for _ in range(2))
    assert np.array_equal(one.mixture, two.mixture)


def test_several_interferers_together_are_at_the_level_that_one_would_be() -> None:
    made = mix(noise(1), [noise(2), noise(3), noise(4)], np.random.default_rng(1))
    found = decibels(made.target, made.mixture)
    assert abs(found - round(found)) < 1e-3


def test_silence_is_not_blown_up() -> None:
    quiet = np.full(100, 1e-6, np.float32)
    assert np.abs(match(quiet, noise(1), 10)).max() < 1e-3


def test_a_mixture_of_one_sound_is_none() -> None:
    with pytest.raises(ValueError, match="needs an interferer"):
        mix(noise(1), [], np.random.default_rng(0))


def test_a_crop_is_taken_where_something_is_heard() -> None:
    wave = np.zeros(100_000, np.float32)
    wave[40_000:60_000] = noise(1, 20_000)

    heard = [crop(wave, 10_000, np.random.default_rng(seed)).any() for seed in range(50)]

    assert np.mean(heard) > 0.6, "one place at random would do in a third of all cases"


def test_a_short_recording_is_padded() -> None:
    made = crop(noise(1, 30), 50, np.random.default_rng(0))
    assert np.array_equal(made, np.r_[noise(1, 30), np.zeros(20, np.float32)])


def test_a_wave_played_faster_is_shorter_and_higher() -> None:
    time = np.arange(16_000) / 32_000
    found = played(np.sin(2 * np.pi * 1000 * time).astype(np.float32), 12_800)
    assert found.shape == (12_800,) and found.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(found[1000:-1000]))
    assert np.fft.rfftfreq(10_800, 1 / 32_000)[spectrum.argmax()] == pytest.approx(1250, abs=5)
