"""Kaldi's log-mel filter bank of 16 kHz audio, as torchaudio's `compliance.kaldi.fbank` gives it by default.

25 ms frames every 10 ms that lie wholly inside the audio, each freed of its mean, pre-emphasised by 0.97
with its first sample repeated, and weighted by a window; power spectrum of 512 points; triangles on Kaldi's
mel scale from 20 Hz to 8 kHz; natural logarithm with a floor of float32's epsilon; no dither, no energy.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers.audio_utils import mel_filter_bank

SAMPLE_RATE = 16_000
LENGTH, HOP, POINTS = 400, 160, 512
EMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps


def fbank(waveform: Tensor, bands: int, window: Tensor) -> Tensor:
    """Return log-mel energies [frames, bands] float32 of audio [samples]; ``window`` has 400 values.

    Audio shorter than a frame is filled up to one with silence.
    """
    samples = pad(waveform.double(), (0, max(0, LENGTH - len(waveform))))
    frames = samples.unfold(0, LENGTH, HOP)
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    spectrum = torch.fft.rfft((frames - EMPHASIS * before) * window.double(), n=POINTS)
    power = spectrum.real.square() + spectrum.imag.square()
    triangles = mel_filter_bank(
        POINTS // 2 + 1,
        bands,
        20.0,
        SAMPLE_RATE / 2,
        SAMPLE_RATE,
        norm=None,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    return (power @ torch.from_numpy(triangles)).float().clamp(min=FLOOR).log()
