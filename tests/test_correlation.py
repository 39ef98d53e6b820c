"""Two clips are called the same by a measure that takes, tones, beats and silence don't reach."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from earmark.audio import correlation
from earmark.audio.correlation import RATE, SAME, match


def noise(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32)


def tones(seconds, *hertz):
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(np.sin(2 * np.pi * each * time) for each in hertz).astype(np.float32)


def test_the_peak_is_the_correlation_and_the_lag_how_much_later_the_first_is():
    sound = noise(2)
    found = match(np.concatenate([np.zeros(2400, np.float32), sound]), 0.25 * sound)
    assert found.same and found.peak == pytest.approx(1, abs=0.01)
    assert found.lag_s == pytest.approx(0.3, abs=1e-4) and found.overlap_s == pytest.approx(2, abs=1e-3)
    assert match(0.25 * sound, np.concatenate([np.zeros(2400, np.float32), sound])).lag_s == pytest.approx(
        -0.3
    )


def test_a_shift_by_a_third_of_a_sample_costs_nothing():
    # An independent way: resampled to thrice the rate, moved by one, and back.
    sound = soxr.resample(noise(2), RATE, 3 * RATE)
    first, second = soxr.resample(sound, 3 * RATE, RATE), soxr.resample(sound[1:], 3 * RATE, RATE)
    found = match(first, second)
    assert found.peak > 0.99 and found.lag_s * RATE == pytest.approx(1 / 3, abs=0.07)


def test_noise_lowers_the_peak_as_it_should():
    sound = noise(4)
    noisy = sound + 0.1 * noise(4, 1)
    assert match(sound, noisy).peak == pytest.approx(1 / np.sqrt(1.01), abs=0.01)


def test_a_copy_turned_upside_down_is_the_same_and_has_a_negative_peak():
    found = match(noise(1), -noise(1))
    assert found.same and found.peak < -0.99


def test_a_clip_that_is_part_of_another_is_the_same():
    sound = noise(8)
    found = match(sound, sound[3 * RATE : 5 * RATE])
    assert (
        found.same
        and found.lag_s == pytest.approx(3, abs=1e-3)
        and found.overlap_s == pytest.approx(2, abs=1e-3)
    )


def test_different_noises_are_not():
    assert all(abs(match(noise(1, 1), noise(1, seed)).peak) < 0.3 for seed in range(2, 8))


@pytest.mark.parametrize(
    "pair",
    [
        (tones(2, 440), tones(2, 440)),
        (tones(2, 220, 440, 660), tones(1.5, 220, 440, 660)),
        (np.zeros(RATE, np.float32), np.zeros(RATE, np.float32)),
        (noise(1), np.zeros(RATE, np.float32)),
        (noise(0.1), noise(0.1)),
        (np.zeros(0, np.float32), noise(1)),
    ],
    ids=["tone", "chord", "silence", "silence and noise", "too short", "nothing"],
)
def test_of_tones_silence_and_moments_nothing_is_said(pair):
    assert match(*pair) is None


def test_the_same_beat_under_different_melodies_is_not_the_same():
    beat = np.zeros(4 * RATE, np.float32)
    for start in range(0, 4 * RATE, RATE // 2):
        beat[start : start + 400] += np.exp(-np.arange(400) / 80) * noise(0.05)
    rng = np.random.default_rng(5)
    melodies = [
        np.concatenate([tones(0.25, *rng.integers(200, 2000, 3)) for _ in range(16)]) * 0.2 for _ in range(2)
    ]
    assert abs(match(beat + melodies[0], beat + melodies[1]).peak) < SAME


def test_two_takes_of_a_digit_by_one_speaker_are_not(real_audio):
    import soundfile

    folder = real_audio / "spoken_digits" / "audio"
    takes = [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("7_jackson_*"))]
    found = [match(a, b) for i, a in enumerate(takes) for b in takes[:i]]
    assert len(found) == 105 and not any(each and each.same for each in found)


def test_of_long_clips_a_minute_is_compared_around_the_hint(monkeypatch):
    monkeypatch.setattr(correlation, "LONGEST_S", 2.0)
    sound = noise(20)
    found = match(sound, sound[5 * RATE :], 5.01)
    assert found.same and found.lag_s == pytest.approx(5, abs=1e-3) and found.overlap_s < 2
    assert abs(match(sound, sound[5 * RATE :], 9).peak) < 0.3
