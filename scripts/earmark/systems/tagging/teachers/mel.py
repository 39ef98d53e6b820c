"""The log-mel front end of the EfficientAT taggers, written from its formulas.

Pre-emphasis, a centred STFT with reflected edges, power, Kaldi's mel triangles, logarithm, scaled to
about [-1, 1]: Schmid et al., ICASSP 2023. Kaldi's mel scale is ``1127 ln(1 + f / 700)``; its triangles are
straight lines over mel, not over hertz, and the bin at half the sample rate belongs to none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.core.errors import UserError

EMPHASIS = 0.97
FLOOR = 1e-5


@dataclass(frozen=True)
class FrontEnd:
    """Sizes in samples, frequencies in Hz; ``fmax`` None is 1000 Hz below half the sample rate."""

    sample_rate: int = 32000
    n_fft: int = 1024
    window: int = 800
    hop: int = 320
    mels: int = 128
    fmin: float = 0.0
    fmax: float | None = None

    @property
    def highest(self) -> float:
        """Where the last triangle ends, Hz."""
        return self.sample_rate / 2 - 1000 if self.fmax is None else self.fmax

    @property
    def shortest(self) -> int:
        """The fewest samples that the reflected edges leave a frame of."""
        return self.n_fft // 2 + 2

    def check(self, where: str) -> None:
        """Raise UserError for sizes that contradict each other; ``where`` names the settings."""
        if self.window > self.n_fft:
            raise UserError(f"{where}: window {self.window} is longer than n_fft {self.n_fft}")
        if not 0 <= self.fmin < self.highest <= self.sample_rate / 2:
            raise UserError(
                f"{where}: fmin {self.fmin:g} and fmax {self.highest:g} are no band "
                f"below {self.sample_rate / 2:g} Hz, half the sample rate"
            )


def triangles(front_end: FrontEnd) -> NDArray[np.float64]:
    """Return Kaldi's mel triangles [mels, n_fft / 2 + 1]."""

    def mel(hertz: Any) -> NDArray[np.float64]:
        return 1127.0 * np.log1p(np.asarray(hertz, dtype=np.float64) / 700.0)

    edges = np.linspace(mel(front_end.fmin), mel(front_end.highest), front_end.mels + 2)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = mel(np.arange(front_end.n_fft // 2) * (front_end.sample_rate / front_end.n_fft))
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    return np.pad(np.maximum(0.0, np.minimum(rising, falling)), ((0, 0), (0, 1)))


class LogMel(nn.Module):
    """Waveforms [batch, samples] to [batch, 1, mels, frames], always in float32, also under autocast.

    Raises:
        UserError: sizes contradict each other.

    """

    triangles: Tensor
    window: Tensor

    def __init__(self, front_end: FrontEnd, where: str = "front end") -> None:
        super().__init__()
        front_end.check(where)
        self._sizes = front_end
        self.register_buffer("triangles", torch.from_numpy(triangles(front_end)).float(), persistent=False)
        hann = torch.hann_window(front_end.window, periodic=False)
        self.register_buffer("window", hann, persistent=False)

    @torch.no_grad()
    def forward(self, waves: Tensor) -> Tensor:
        """Return the scaled logarithms; frames are ``1 + (samples - 1) // hop``."""
        sizes = self._sizes
        # Half precision cannot hold the powers: a loud bin overflows, a quiet one is gone.
        with torch.autocast(waves.device.type, enabled=False):
            waves = waves.float()
            waves = waves[:, 1:] - EMPHASIS * waves[:, :-1]
            edge = sizes.n_fft // 2
            waves = F.pad(waves[:, None], (edge, edge), mode="reflect")[:, 0]
            spectrum = torch.stft(
                waves,
                sizes.n_fft,
                sizes.hop,
                sizes.window,
                self.window,
                center=False,
                return_complex=True,
            )
            power = spectrum.real.square() + spectrum.imag.square()
            return ((torch.log(self.triangles @ power + FLOOR) + 4.5) / 5.0)[:, None]
