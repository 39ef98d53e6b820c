"""Audio Flamingo 3: 25 tokens a second, windows of 30 s."""

from __future__ import annotations

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes


class AudioFlamingo3(Family):
    """Ten minutes at most; the encoder leaves padding out."""

    title = "Audio Flamingo 3"
    audio = Audio(attention_s=30, window_s=600.0)
    parts = TRANSFORMERS
    marks = Marks(begin="", audio="<sound>", end="")
    published = {"nvidia/audio-flamingo-3-hf": Sizes(3584, 28, 28, 4, 18944, 1280, 32, 20, 5120, 151672)}

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import audio_flamingo3

        return audio_flamingo3
