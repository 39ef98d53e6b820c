"""The front end of the Audio Spectrogram Transformer: Kaldi's log-mel filter bank of 16 kHz audio.

25 ms frames every 10 ms that lie wholly inside the audio, each freed of its mean, pre-emphasised by
0.97 and weighted by a symmetric Hann window; power spectrum of 512 points; 128 triangles on Kaldi's
mel scale, 1127 ln(1 + f / 700), from 20 Hz to 8 kHz; natural logarithm with a floor of float32's
epsilon; no dither, no energy. The same as transformers' ASTFeatureExtractor computes without
torchaudio, to 1e-5.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from earmark.systems.tagging.framing import BINS, HOP, LENGTH, SAMPLE_RATE

POINTS = 512
LOW_HZ, HIGH_HZ = 20.0, SAMPLE_RATE / 2
EMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps
BLOCK = 192
"""Frames transformed together: what fits into a core's cache, twice as fast as all at once."""


def fbank(waveform: Tensor) -> Tensor:
    """Return log-mel energies [..., frames, 128] float32 of 16 kHz audio [..., samples].

    The audio's mean is taken off first, as AST does; a constant changes nothing, since every frame
    is freed of its own. Spectra are in float64: in float32 the quiet bins beside a loud one are off
    by up to 2e-3.

    Raises:
        ValueError: the audio is shorter than a frame.

    """
    if waveform.shape[-1] < LENGTH:
        raise ValueError(f"{waveform.shape[-1]} samples are shorter than a frame of {LENGTH}")
    if waveform.dim() > 1:
        return torch.stack([fbank(one) for one in waveform])
    exact = (waveform - waveform.mean()).double()
    # Emphasis of the whole signal equals that of every frame, but for what the frame's mean leaves
    # and for the first sample, which the window takes to zero.
    framed = exact.unfold(0, LENGTH, HOP)
    emphasised = pad(exact[1:] - EMPHASIS * exact[:-1], (1, 0)).unfold(0, LENGTH, HOP)
    window = _window(waveform.device)
    power = torch.empty(len(framed), POINTS // 2 + 1, device=waveform.device)
    room = torch.zeros(min(BLOCK, len(framed)), POINTS, dtype=torch.float64, device=waveform.device)
    for start in range(0, len(framed), BLOCK):
        block = framed[start : start + BLOCK]
        frames = room[: len(block)]
        left = block.mean(-1, keepdim=True)
        torch.sub(emphasised[start : start + BLOCK], left, alpha=1 - EMPHASIS, out=frames[:, :LENGTH])
        frames[:, :LENGTH] *= window
        spectrum = torch.fft.rfft(frames).to(torch.complex64)
        torch.add(spectrum.real.square(), spectrum.imag.square(), out=power[start : start + len(block)])
    return (power @ _mel(waveform.device)).clamp_min_(FLOOR).log_()


@cache
def _window(device: torch.device) -> Tensor:
    return torch.hann_window(LENGTH, periodic=False, dtype=torch.float64, device=device)


@cache
def _mel(device: torch.device) -> Tensor:
    """Return the filters [bins of the spectrum, mel bins]: triangles on the mel scale."""
    low, high = (1127 * math.log1p(hz / 700) for hz in (LOW_HZ, HIGH_HZ))
    edges = torch.linspace(low, high, BINS + 2, dtype=torch.float64)
    hz = torch.arange(POINTS // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / POINTS
    mel = (1127 * torch.log1p(hz / 700)).unsqueeze(1)
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0).float().to(device)
