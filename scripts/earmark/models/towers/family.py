"""The encoders of model families that are here anyway: Whisper, Qwen2-Audio's and Qwen2.5-Omni's towers.

Every clip is encoded at its own length, so the batch it is in changes nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint
from earmark.models.families import family
from earmark.models.towers.asked import Tower
from earmark.models.towers.frames import clips_of, padded


class FamilyTower(nn.Module):
    """A family's encoder, its projection into a language model left out."""

    def __init__(self, kind: str, checkpoint: Checkpoint, device: str, dtype: str) -> None:
        super().__init__()
        self._encoder = family(kind).encoder(checkpoint, device, dtype, None, project=False)
        self.tower: nn.Module = self._encoder.tower
        self._shortest = family(kind).audio.samples_per_token
        self.output_dim = family(kind).depth(checkpoint).encoder_width

    def forward(self, audio: Tensor, audio_attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features and their mask."""
        clips = [
            nn.functional.pad(clip, (0, max(0, self._shortest - len(clip))))
            for clip in clips_of(audio, audio_attention_mask)
        ]
        mels = [self._encoder.mel(clip.float().cpu().numpy()) for clip in clips]
        found = [states["encoder"] for states in self._encoder.states(mels, ["encoder"])]
        # Out of inference mode, so that a projector can learn from them.
        with torch.inference_mode(False):
            return padded([states.clone() for states in found])


def build(tower: Tower, checkpoint: Checkpoint | None, device: str) -> FamilyTower:
    """Return the tower; raises UserError if there are no weights."""
    kind = tower.kind
    if checkpoint is None:
        raise UserError(f"an encoder of kind {kind} needs weights: name a model of config/models/")
    return FamilyTower(kind, checkpoint, device, tower.dtype)
