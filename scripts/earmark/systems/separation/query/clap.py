"""CLAP's two towers as encoders of queries and of recordings (Wu et al., ICASSP 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.systems.separation.mono import Wave
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.query.contract import Vectors

RATE, SAMPLES = 48_000, 480_000
_WINDOW, _HOP, _MELS, _LOW, _HIGH = 1024, 480, 64, 50, 14_000
_LONGEST = 512
_BATCH = 32


class Clap:
    """Both towers, frozen and without dropout (which the public training leaves on)."""

    def __init__(self, model: Any, tokenizer: Any, device: torch.device) -> None:
        self._model, self._tokenizer, self._device = model.eval().to(device), tokenizer, device
        self.size = int(model.config.projection_dim)
        self._mel = _filters().to(device)

    @classmethod
    def load(cls, checkpoint: Path, tokenizer: Path, device: torch.device) -> Clap:
        """Read LAION's checkpoint and RoBERTa's tokenizer; raises UserError if either can't be read."""
        from transformers import AutoTokenizer  # slow to import

        from earmark.models.untrusted import read_part
        from earmark.systems.separation.published import clap

        return cls(clap.model(checkpoint), read_part(AutoTokenizer, tokenizer, "tokenizer"), device)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, [texts, size]."""
        made = []
        for start in range(0, len(texts), _BATCH):
            part = list(texts[start : start + _BATCH])
            tokens = self._tokenizer(
                part, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
            )
            found = self._model.get_text_features(**tokens.to(self._device))
            made.append(F.normalize(found.pooler_output, dim=-1))
        return np.asarray(torch.cat(made).cpu().numpy())

    @torch.inference_mode()
    def recordings(self, waves: Sequence[Wave]) -> Vectors:
        """Return the vectors of mono recordings at 32 kHz, [recordings, size]; ten seconds of each."""
        made = []
        for wave in waves:
            fitted = torch.from_numpy(ten_seconds(wave)).to(self._device)
            found = self._model.get_audio_features(input_features=self.log_mel(fitted)[None, None])
            made.append(F.normalize(found.pooler_output, dim=-1))
        return np.asarray(torch.cat(made).cpu().numpy())

    def log_mel(self, wave: Tensor) -> Tensor:
        """Return the log-mel spectrum of ten seconds at 48 kHz, [1001, 64], in dB."""
        window = torch.hann_window(_WINDOW, device=wave.device)
        found = torch.stft(wave, _WINDOW, _HOP, window=window, return_complex=True)
        return 10 * (found.abs().square().T @ self._mel).clamp(min=1e-10).log10()


def ten_seconds(wave: Wave) -> Wave:
    """Return ten seconds at 48 kHz of a recording at 32 kHz: cut, or repeated whole and then padded."""
    found = np.asarray(soxr.resample(wave, SAMPLE_RATE, RATE, quality="HQ"), np.float32)[:SAMPLES]
    whole = np.tile(found, SAMPLES // max(len(found), 1))
    return np.pad(whole, (0, SAMPLES - len(whole)))


def _filters() -> Tensor:
    """Return Slaney's mel filters, [bins, mels]."""
    from librosa.filters import mel  # slow to import

    made = mel(sr=RATE, n_fft=_WINDOW, n_mels=_MELS, fmin=_LOW, fmax=_HIGH)
    return torch.from_numpy(np.ascontiguousarray(made.T, np.float32))
