"""Between waveforms and spectra: what a separator masks, and how a masked spectrum sounds.

The transform is AudioSep's: periodic Hann window of 2048 samples, hop of 320, centred and padded by
reflection, at 32 kHz. The arrays are [batch, 1, frames, bins], as the network convolves them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

SAMPLE_RATE = 32_000
WINDOW = 2048
HOP = 320
BINS = WINDOW // 2 + 1
_SMALLEST_POWER = 1e-10


@dataclass(frozen=True)
class Spectrum:
    """A spectrum in polar form: magnitudes, cosines and sines of its phases, and the samples it came from."""

    magnitude: Tensor
    cosine: Tensor
    sine: Tensor
    samples: int


class Transform(nn.Module):
    """The short-time Fourier transform and its inverse; it has nothing to learn and nothing to save."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def analyse(self, waveform: Tensor) -> Spectrum:
        """Return the spectrum of waveforms [batch, samples]; at least half a window of samples."""
        found = torch.stft(waveform, WINDOW, HOP, window=self.window, return_complex=True)
        real, imaginary = (part.transpose(1, 2).unsqueeze(1) for part in (found.real, found.imag))
        magnitude = (real.square() + imaginary.square()).clamp(min=_SMALLEST_POWER).sqrt()
        return Spectrum(magnitude, real / magnitude, imaginary / magnitude, waveform.shape[-1])

    def synthesise(self, spectrum: Spectrum) -> Tensor:
        """Return waveforms [batch, samples], as long as those that the spectrum came from."""
        parts = (spectrum.magnitude * side for side in (spectrum.cosine, spectrum.sine))
        both = torch.complex(*(part.squeeze(1).transpose(1, 2) for part in parts))
        return torch.istft(both, WINDOW, HOP, window=self.window, length=spectrum.samples)
