"""The Audio Spectrogram Transformer: windows of ten seconds, frequency averaged, ten frames a second."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import ASTFeatureExtractor, ASTModel

from earmark.models.checkpoint import Checkpoint
from earmark.models.towers import RATE
from earmark.models.towers.asked import Tower
from earmark.models.towers.frames import clips_of, padded
from earmark.models.towers.weights import extractor_of, model_of

HOP, WINDOW = 160, 400
"""Samples between two frames of the spectrogram, and behind one."""
SPECIAL = 2
"""Tokens in front of the patches."""


class Patches(nn.Module):
    """An AST without its head."""

    def __init__(self, model: Any, extractor: Any) -> None:
        super().__init__()
        self.model, self._extractor = model, extractor
        config = model.config
        self.output_dim: int = config.hidden_size
        self._frames: int = config.max_length
        self._patch, self._stride = config.patch_size, config.time_stride
        self._bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1

    def forward(self, audio: Tensor, audio_attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features and their mask; every window is encoded by itself."""
        return padded([self._clip(clip) for clip in clips_of(audio, audio_attention_mask)])

    def _clip(self, clip: Tensor) -> Tensor:
        windows = clip.split(self._frames * HOP)
        if len(windows) > 1 and len(windows[-1]) < WINDOW:
            windows = windows[:-1]
        return torch.cat([self._window(window) for window in windows])

    def _window(self, samples: Tensor) -> Tensor:
        samples = nn.functional.pad(samples, (0, max(0, WINDOW - len(samples))))
        inputs = self._extractor(samples.float().cpu().numpy(), sampling_rate=RATE, return_tensors="pt")
        values = inputs["input_values"].to(samples.device, self.model.dtype)
        patches = self.model(values).last_hidden_state[0, SPECIAL:]
        by_time = patches.unflatten(0, (self._bands, -1)).mean(0)
        frames = (len(samples) - WINDOW) // HOP + 1
        return by_time[: max(1, (frames - self._patch) // self._stride + 1)]


def build(tower: Tower, checkpoint: Checkpoint | None, device: str) -> Patches:
    """Return the tower; raises UserError if its weights are missing or of another kind."""
    model = model_of(ASTModel, tower, checkpoint, "audio-spectrogram-transformer")
    sizes = {"max_length": model.config.max_length, "num_mel_bins": model.config.num_mel_bins}
    return Patches(model, extractor_of(ASTFeatureExtractor, checkpoint, **sizes))
