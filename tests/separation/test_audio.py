"""Separation of any length, rate and number of channels keeps the length and hides the seams."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earmark.systems.separation.audio import TOGETHER, Chunks, separate, separate_any
from earmark.systems.separation.network.spectrum import SAMPLE_RATE

FIVE = 5 * SAMPLE_RATE
CHUNKS = Chunks(seconds=5.0, overlap=1.0, batch=3)


def noise(samples: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(samples).standard_normal(samples).astype(np.float32)


def separator(model: torch.nn.Module):
    query = torch.linspace(-1, 1, 8)[None]
    return lambda mixtures: model(mixtures, query.expand(len(mixtures), -1))


@pytest.mark.parametrize("samples", [1, 900, SAMPLE_RATE, FIVE, FIVE + 1, 61 * SAMPLE_RATE])
def test_any_length_comes_back_as_long_and_not_silent(small, samples) -> None:
    made = separate(noise(samples), separator(small), CHUNKS)
    assert made.shape == (samples,)
    assert np.isfinite(made).all()
    assert np.abs(made).max() > 0


def test_chunks_that_pass_everything_through_give_back_the_recording() -> None:
    wave = noise(17 * SAMPLE_RATE + 123)
    assert np.allclose(separate(wave, lambda mixtures: mixtures, CHUNKS), wave, atol=1e-6)


def test_chunked_equals_whole_away_from_the_seams(small) -> None:
    wave = noise(12 * SAMPLE_RATE)
    whole = separate(wave, separator(small), Chunks(12.0, 1.0))

    chunked = separate(wave, separator(small), Chunks(8.0, 2.0))

    # the second chunk begins at 4 s; hops and pooled frames of both agree there
    inside = slice(SAMPLE_RATE, 3 * SAMPLE_RATE)
    assert np.abs(chunked[inside] - whole[inside]).max() < 1e-4
    assert np.abs(chunked - whole).max() < 0.2 * np.abs(whole).max()


def test_batches_change_nothing(small) -> None:
    wave = noise(23 * SAMPLE_RATE)
    one, three = (separate(wave, separator(small), Chunks(5.0, 1.0, batch)) for batch in (1, 3))
    assert np.allclose(one, three, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_any_rate_and_stereo_keep_their_shape_and_each_channel_its_own_sound(small, rate) -> None:
    left = noise(2 * rate + 1)
    recording = np.stack([left, np.zeros_like(left)], axis=1)

    made = separate_any(recording, rate, separator(small), CHUNKS)

    assert made.shape == recording.shape
    assert np.abs(made[:, 0]).max() > 100 * np.abs(made[:, 1]).max()


def test_an_overlap_longer_than_half_a_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="too long for chunks"):
        Chunks(seconds=2.0, overlap=1.5)


def test_a_cpu_separates_chunks_one_by_one_and_a_gpu_several() -> None:
    assert Chunks().on(torch.device("cpu")).batch == 1
    assert Chunks().on(torch.device("cuda")).batch == TOGETHER > 1
    assert Chunks(batch=3).on(torch.device("cpu")).batch == 3
