"""Qwen3-Omni: the thinker of a full repository, or a thinker alone."""

from __future__ import annotations

from earmark.core.files import Json
from earmark.models.contract import Audio, Code, Family, Marks, Parts
from earmark.models.sizes import Sizes


class Qwen3Omni(Family):
    """Every second has 13 tokens; the tower attends within eight. Of the experts, a token sees some."""

    title = "Qwen3-Omni"
    audio = Audio(samples_per_token=1231, positions_per_token=1, attention_s=8)
    parts = Parts(
        encoder=("thinker.audio_tower.", "audio_tower."),
        decoder=("thinker.model.", "model."),
        head=("thinker.lm_head.", "lm_head."),
        unread=("talker.", "code2wav.", "thinker.visual.", "visual."),
    )
    marks = Marks(begin="<|audio_start|>", audio="<|audio_pad|>", end="<|audio_end|>")

    def sizes(self, config: Json) -> Sizes | None:
        """Return nothing: experts are held in full and computed in part, which sizes have no words for."""
        return None

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import qwen3_omni

        return qwen3_omni
