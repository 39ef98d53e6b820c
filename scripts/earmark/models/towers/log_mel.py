"""A log-mel spectrogram and nothing else: what an encoder has to beat."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from earmark.models.towers import RATE
from earmark.models.towers.frames import clips_of, padded

SIZE, HOP, TOGETHER = 400, 160, 4
FLOOR = 1e-6


class LogMelEncoder(nn.Module):
    """Frames of 40 ms: four of a spectrogram side by side; nothing of it was trained.

    Args:
        bands: mel bands.

    """

    filters: Tensor
    window: Tensor

    def __init__(self, bands: int = 64) -> None:
        super().__init__()
        self.output_dim = bands * TOGETHER
        filters = mel_filter_bank(SIZE // 2 + 1, bands, 0.0, RATE / 2, RATE, norm=None, mel_scale="htk")
        self.register_buffer("filters", torch.from_numpy(filters).float())
        self.register_buffer("window", torch.hann_window(SIZE))

    def forward(self, audio: Tensor, audio_attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features and their mask."""
        return padded([self._clip(clip) for clip in clips_of(audio, audio_attention_mask)])

    def _clip(self, clip: Tensor) -> Tensor:
        shortest = SIZE + HOP * (TOGETHER - 1)
        clip = F.pad(clip.float(), (0, max(0, shortest - len(clip))))
        frames = torch.stft(clip, SIZE, HOP, window=self.window, center=False, return_complex=True)
        level = (self.filters.T @ frames.abs().square()).clamp(min=FLOOR).log()
        whole = level.shape[1] // TOGETHER * TOGETHER
        return level[:, :whole].T.reshape(-1, self.output_dim)
