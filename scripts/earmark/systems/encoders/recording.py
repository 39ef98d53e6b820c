"""A clip of a tar as encoders hear it: mono, 16 kHz, its peak at most 1, a long training clip cut.

Specification: xares_llm, section 2.1. The stretch that is kept of a long clip is drawn once, by seed and key,
where upstream draws it anew each time: that is what lets features be stored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.audio import sinc, waveform
from earmark.core.seeding import generator

RATE = 16_000


def recording(
    path: Path, key: str, crop_s: float | None, seed: int, as_upstream: bool = False
) -> NDArray[np.float32]:
    """Return the samples of a file.

    Args:
        path: the file.
        key: the clip's name, which decides with ``seed`` on the stretch that is kept.
        crop_s: longest audio, in seconds; None for all of it.
        seed: of the stretch.
        as_upstream: whether to resample with torchaudio's filter.

    Raises:
        AudioError: it cannot be decoded, or holds no samples.

    """
    decoded = waveform.decode(path)
    samples = peak_limited(decoded.samples)
    if crop_s is not None:
        samples = cropped(samples, round(crop_s * decoded.sample_rate), key, seed)
    resampled = sinc.resampled if as_upstream else waveform.resampled
    return resampled(samples, decoded.sample_rate, RATE)


def peak_limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples divided by their peak where that is above 1."""
    peak = np.abs(samples).max(initial=0.0)
    return samples / peak if peak > 1 else samples


def cropped(samples: NDArray[np.float32], most: int, key: str, seed: int) -> NDArray[np.float32]:
    """Return a stretch of ``most`` samples where there are more."""
    if len(samples) <= most:
        return samples
    start = int(generator(seed, "crop", key).integers(len(samples) - most + 1))
    return samples[start : start + most]
