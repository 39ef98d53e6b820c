"""Resampling by a windowed sinc: torchaudio's `resample` with its default settings, for codes that used it.

J. O. Smith, Digital Audio Resampling: each new sample is a weighted sum of old ones, by a sinc at 0.99 of the
lower Nyquist frequency under a Hann window of six zero crossings a side. Everything else here is resampled
by waveform.py, whose filter is sharper.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

ZEROS, ROLLOFF = 6, 0.99


def resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Return audio [samples] at the rate ``wanted`` Hz, as it is where that is its own."""
    if rate == wanted:
        return samples
    common = math.gcd(rate, wanted)
    step, phases = rate // common, wanted // common
    cutoff = min(step, phases) * ROLLOFF
    reach = math.ceil(ZEROS * step / cutoff)
    # Distances of a block's new samples from the old ones around it, in zero crossings.
    old = torch.arange(-reach, reach + step, dtype=torch.float64) / step
    new = torch.arange(phases, dtype=torch.float64)[:, None] / phases
    apart = ((old - new) * cutoff).clamp(-ZEROS, ZEROS)
    weights = torch.sinc(apart) * torch.cos(apart * math.pi / ZEROS / 2) ** 2 * (cutoff / step)
    padded = torch.nn.functional.pad(torch.from_numpy(samples), (reach, reach + step))
    blocks = torch.nn.functional.conv1d(padded[None, None], weights.float()[:, None], stride=step)
    length = math.ceil(phases * len(samples) / step)
    return blocks[0].T.reshape(-1)[:length].numpy()
