"""Whisper's encoder gives the states of transformers' own forward, whatever the audio's length."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperModel

from earmark.models.checkpoint import Checkpoint
from earmark.models.whisper import Encoder


@pytest.fixture(scope="module")
def encoder(whisper) -> Encoder:
    return Encoder(whisper, "cpu", "float32")


def wave(seconds: float, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (0.1 * draw.standard_normal(round(16_000 * seconds))).astype(np.float32)


@torch.inference_mode()
def stock(checkpoint: Checkpoint, samples: np.ndarray) -> torch.Tensor:
    """The states [1500, width] of transformers' own encoder and extractor."""
    model = WhisperModel.from_pretrained(checkpoint.folder, attn_implementation="sdpa").encoder.eval()
    features = WhisperFeatureExtractor()(samples, sampling_rate=16_000, return_tensors="pt")
    return model(features["input_features"]).last_hidden_state[0]


@pytest.mark.parametrize("seconds", [0.1, 1.0, 12.345, 30.0])
def test_states_equal_the_stock_forward_exactly(whisper, encoder, seconds):
    samples = wave(seconds)
    (own,) = encoder.encode([encoder.mel(samples)])
    assert len(own) == (-(-len(samples) // 160) - 1) // 2 + 1
    assert torch.equal(own, stock(whisper, samples)[: len(own)])


def test_longer_audio_is_heard_in_windows_of_thirty_seconds(whisper, encoder):
    samples = wave(36.0)
    (own,) = encoder.encode([encoder.mel(samples)])
    parts = [samples[: 30 * 16_000], samples[30 * 16_000 :]]
    expected = torch.cat([stock(whisper, part)[:n] for part, n in zip(parts, (1500, 300), strict=True)])
    torch.testing.assert_close(own, expected, atol=2e-6, rtol=0)


def test_clips_encoded_together_equal_each_alone(encoder):
    mels = [encoder.mel(wave(seconds, seed)) for seed, seconds in enumerate((2.0, 31.0, 0.5))]
    for together, mel in zip(encoder.encode(mels), mels, strict=True):
        torch.testing.assert_close(together, encoder.encode([mel])[0], atol=2e-6, rtol=0)


def test_layers_are_what_each_layer_gave_and_fewer_can_be_read(whisper, encoder):
    mel = encoder.mel(wave(1.0))
    names = ["encoder.0", "encoder.1", "encoder.2", "encoder"]
    (states,) = encoder.states([mel], names)
    with torch.inference_mode():
        assert torch.equal(encoder.tower.layer_norm(states["encoder.2"]), states["encoder"])
    (first,) = Encoder(whisper, "cpu", "float32", layers=1, project=False).states([mel], names[:2])
    assert torch.equal(first["encoder.1"], states["encoder.1"])
