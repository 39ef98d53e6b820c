"""Qwen2.5-Omni: the thinker of a full repository, or a thinker alone."""

from __future__ import annotations

from earmark.models.contract import Audio, Code, Family, Parts
from earmark.models.sizes import Sizes


class Omni(Family):
    """Audio of any length; the tower attends within windows of two seconds."""

    title = "Qwen2.5-Omni"
    audio = Audio(attention_s=2)
    parts = Parts(
        encoder=("thinker.audio_tower.", "audio_tower."),
        decoder=("thinker.model.", "model."),
        head=("thinker.lm_head.", "lm_head."),
        unread=("talker.", "token2wav.", "thinker.visual.", "visual."),
    )
    beside = 668_000_000
    published = {
        "Qwen/Qwen2.5-Omni-3B": Sizes(2048, 36, 16, 2, 11008, 1280, 32, 20, 5120, 151936),
        "Qwen/Qwen2.5-Omni-7B": Sizes(3584, 28, 28, 4, 18944, 1280, 32, 20, 5120, 152064),
    }

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import omni

        return omni
