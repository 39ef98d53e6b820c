"""Music Flamingo: Audio Flamingo 3 whose audio tokens know their time, for 20 minutes."""

from __future__ import annotations

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes


class MusicFlamingo(Family):
    """The encoder's states are turned by the time from the beginning of the recording."""

    title = "Music Flamingo"
    audio = Audio(attention_s=30, window_s=1200.0)
    parts = TRANSFORMERS
    marks = Marks(begin="<|sound_bos|>", audio="<sound>", end="<|sound_eos|>")
    published = {"nvidia/music-flamingo-2601-hf": Sizes(3584, 28, 28, 4, 18944, 1280, 32, 20, 5120, 151672)}

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import music_flamingo

        return music_flamingo
