"""A description of how a recording sounds without weights: its mean log-mel spectrum and how much it moves.

It groups classes by sound where no CLAP is at hand. It shares no space with any text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from earmark.systems.separation.mono import Wave
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.query.contract import Vectors, unit

_WINDOW, _HOP, _MELS = 1024, 512, 32


class LogMel:
    """Means and standard deviations of 32 mel bands in dB, each centred."""

    def recordings(self, waves: Sequence[Wave]) -> Vectors:
        """Return the vectors of mono recordings at 32 kHz, [recordings, 64]."""
        return unit(np.stack([self._of(wave) for wave in waves]))

    def _of(self, wave: Wave) -> NDArray[np.float64]:
        padded = np.pad(np.asarray(wave, np.float64), (0, max(0, _WINDOW - len(wave))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
        power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
        bands = power @ self._filters
        decibels = 10 * np.log10(np.maximum(bands, bands.max() * 1e-6 + 1e-12))
        mean, spread = decibels.mean(0), decibels.std(0)
        return np.r_[mean - mean.mean(), spread]

    @cached_property
    def _filters(self) -> NDArray[np.float64]:
        from librosa.filters import mel  # slow to import

        return np.asarray(mel(sr=SAMPLE_RATE, n_fft=_WINDOW, n_mels=_MELS).T, np.float64)
