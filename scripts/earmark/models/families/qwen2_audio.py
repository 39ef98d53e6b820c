"""Qwen2-Audio: 30 s of audio at a time."""

from __future__ import annotations

from earmark.models.contract import Audio, Code, Family, Parts
from earmark.models.sizes import Sizes

_7B = Sizes(4096, 32, 32, 32, 11008, 1280, 32, 20, 5120, 156032)


class Qwen2Audio(Family):
    """The encoder knows positions for 30 s and was trained on no more."""

    title = "Qwen2-Audio"
    audio = Audio(attention_s=30, window_s=30.0)
    parts = Parts(
        encoder=("audio_tower.", "model.audio_tower."),
        projector=("multi_modal_projector.linear.", "model.multi_modal_projector.linear."),
        decoder=("language_model.model.", "model.language_model."),
        head=("language_model.lm_head.", "lm_head."),
    )
    published = {"Qwen/Qwen2-Audio-7B": _7B, "Qwen/Qwen2-Audio-7B-Instruct": _7B}

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import qwen2_audio

        return qwen2_audio
