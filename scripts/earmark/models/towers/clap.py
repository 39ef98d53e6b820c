"""CLAP's audio tower (HTSAT): windows of ten seconds at 48 kHz, frequency averaged, 3.2 frames a second."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModel, ClapFeatureExtractor

from earmark.audio.waveform import resampled
from earmark.models.checkpoint import Checkpoint
from earmark.models.towers import RATE
from earmark.models.towers.asked import Tower
from earmark.models.towers.frames import clips_of, padded
from earmark.models.towers.weights import extractor_of, model_of

OWN_RATE, WINDOW_S = 48_000, 10
SHORTEST_S = 0.05


class Clap(nn.Module):
    """The audio tower, without pooling and projection."""

    def __init__(self, model: Any, extractor: Any) -> None:
        super().__init__()
        self.model, self._extractor = model, extractor
        self.output_dim: int = model.config.hidden_size

    def forward(self, audio: Tensor, audio_attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features and their mask; every window is encoded by itself."""
        return padded([self._clip(clip) for clip in clips_of(audio, audio_attention_mask)])

    def _clip(self, clip: Tensor) -> Tensor:
        windows = clip.split(WINDOW_S * RATE)
        if len(windows) > 1 and len(windows[-1]) < SHORTEST_S * RATE:
            windows = windows[:-1]
        return torch.cat([self._window(window) for window in windows])

    def _window(self, samples: Tensor) -> Tensor:
        wave = resampled(samples.float().cpu().numpy(), RATE, OWN_RATE)
        inputs = self._extractor(
            wave, sampling_rate=OWN_RATE, padding="pad", truncation="rand_trunc", return_tensors="pt"
        )
        values = inputs["input_features"].to(samples.device, self.model.dtype)
        if self.model.config.enable_fusion:
            values = values.expand(-1, 4, -1, -1)
        flags = torch.zeros(1, 1, dtype=torch.bool, device=samples.device)
        # [1, width, frequency, time]
        states = self.model(values, is_longer=flags).last_hidden_state[0].mean(1).T
        return states[: max(1, -(-len(wave) * len(states) // (WINDOW_S * OWN_RATE)))]


def build(tower: Tower, checkpoint: Checkpoint | None, device: str) -> Clap:
    """Return the tower; raises UserError if its weights are missing or of another kind."""
    if checkpoint is None and tower.random is not None:
        torch.manual_seed(0)
        model = ClapAudioModel(ClapAudioConfig(**tower.random))
    else:
        model = model_of(ClapAudioModel, tower, checkpoint, "clap", "clap_audio_model")
    return Clap(model, extractor_of(ClapFeatureExtractor, checkpoint))
