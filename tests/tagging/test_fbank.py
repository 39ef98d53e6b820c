"""The front end equals transformers' own, for any length and for recordings."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import ASTFeatureExtractor

from earmark.audio import waveform as audio
from earmark.core.places import SCRIPTS
from earmark.systems.tagging.fbank import fbank
from earmark.systems.tagging.framing import frames_of, samples_for


def published(samples: np.ndarray) -> np.ndarray:
    """What transformers computes of the mean-subtracted waveform, not padded."""
    extractor = ASTFeatureExtractor(do_normalize=False, max_length=frames_of(len(samples)))
    waveform = torch.from_numpy(samples)
    centred = (waveform - waveform.mean()).numpy()
    return extractor(centred, sampling_rate=16000, return_tensors="np")["input_values"][0]


def difference(samples: np.ndarray) -> float:
    made = fbank(torch.from_numpy(samples)).numpy()
    assert made.dtype == np.float32
    expected = published(samples)
    assert made.shape == expected.shape
    return float(np.abs(made - expected).max())


@pytest.mark.parametrize(
    "samples", [400, 401, 559, 560, 561, 719, 720, 7777, 16000, 30879, 30880, 31040, 160000]
)
def test_noise_of_any_length_equals_the_stock_extractor(samples):
    noise = np.random.default_rng(samples).standard_normal(samples).astype(np.float32) * 0.1
    assert difference(noise) < 1e-5


@pytest.mark.parametrize("name", ["tone", "loud beside quiet", "offset", "silence", "click", "quiet"])
def test_hard_signals_equal_the_stock_extractor(name):
    t = np.arange(20480) / 16000
    rng = np.random.default_rng(0)
    made = {
        "tone": 0.5 * np.sin(2 * np.pi * 440 * t),
        "loud beside quiet": 0.9 * np.sin(2 * np.pi * 100 * t) + 1e-5 * rng.standard_normal(len(t)),
        "offset": 0.9 + 1e-3 * rng.standard_normal(len(t)),
        "silence": np.zeros(len(t)),
        "click": np.eye(1, len(t), 5000)[0],
        "quiet": 1e-6 * rng.standard_normal(len(t)),
    }[name]
    assert difference(made.astype(np.float32)) < 1e-5


def test_recordings_equal_the_stock_extractor(real_audio):
    paths = sorted((real_audio / "esc10" / "audio").glob("*.ogg"))[::20]
    paths += sorted((real_audio / "spoken_digits" / "audio").glob("*.flac"))[::100]
    assert len(paths) >= 10
    assert max(difference(audio.read(path, 16000)) for path in paths) < 1e-5


def test_a_batch_equals_its_clips_one_by_one():
    clips = torch.randn(3, 5000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(fbank(clips), torch.stack([fbank(clip) for clip in clips]))


def test_less_than_a_frame_is_refused():
    with pytest.raises(ValueError, match="399 samples"):
        fbank(torch.zeros(399))


@pytest.mark.parametrize(("seconds", "frames"), [(1, 98), (5, 498), (10, 998)])
def test_lengths_are_the_published_ones(seconds, frames):
    assert frames_of(seconds * 16000) == frames
    assert frames_of(samples_for(frames)) == frames
    assert frames_of(samples_for(frames) - 1) == frames - 1


def test_statistics_of_spectrograms_start_without_torch():
    code = "import sys, fbank_statistics; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, timeout=600)
    assert done.returncode == 0
