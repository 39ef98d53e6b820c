"""Encoders that hear samples: wav2vec 2.0, HuBERT and WavLM, 50 frames a second.

Those whose front end normalises over a whole recording (base models) are trained without a mask and hear
padding; their clips are encoded one by one here. Those that normalise each frame (large models) take a mask.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import HubertModel, Wav2Vec2FeatureExtractor, Wav2Vec2Model, WavLMModel

from earmark.models.checkpoint import Checkpoint
from earmark.models.towers.asked import Tower
from earmark.models.towers.frames import clips_of, padded
from earmark.models.towers.weights import extractor_of, model_of

CLASSES = {"wav2vec2": Wav2Vec2Model, "hubert": HubertModel, "wavlm": WavLMModel}
SHORTEST = 400
"""Samples behind the first frame; shorter audio is filled up with silence."""
EPSILON = 1e-7


class Waves(nn.Module):
    """A model that hears samples."""

    def __init__(self, model: Any, normalises: bool) -> None:
        super().__init__()
        self.model, self._normalises = model, normalises
        self.output_dim: int = model.config.hidden_size
        self._masked = model.config.feat_extract_norm == "layer"

    def forward(self, audio: Tensor, audio_attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the last layer's features and their mask."""
        clips = [self._prepared(clip) for clip in clips_of(audio, audio_attention_mask)]
        if not self._masked:
            return padded([self.model(clip[None]).last_hidden_state[0] for clip in clips])
        lengths = torch.tensor([len(clip) for clip in clips], device=audio.device)
        batch = nn.utils.rnn.pad_sequence(clips, batch_first=True)
        valid = torch.arange(batch.shape[1], device=audio.device)[None] < lengths[:, None]
        states = self.model(batch, attention_mask=valid.long()).last_hidden_state
        frames = self.model._get_feat_extract_output_lengths(lengths)
        return states, (torch.arange(states.shape[1], device=audio.device)[None] < frames[:, None]).long()

    def _prepared(self, clip: Tensor) -> Tensor:
        clip = clip.to(self.model.dtype)
        if self._normalises:
            clip = (clip - clip.mean()) / (clip.var(unbiased=False) + EPSILON).sqrt()
        return nn.functional.pad(clip, (0, max(0, SHORTEST - len(clip))))


def build(tower: Tower, checkpoint: Checkpoint | None, device: str) -> Waves:
    """Return the tower; raises UserError if its weights are missing or of another kind."""
    model = model_of(CLASSES[tower.kind], tower, checkpoint, tower.kind)
    extractor = extractor_of(Wav2Vec2FeatureExtractor, checkpoint)
    return Waves(model, bool(extractor.do_normalize))
