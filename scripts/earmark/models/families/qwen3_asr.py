"""Qwen3-ASR: transcribes, 13 tokens a second, attention within eight seconds."""

from __future__ import annotations

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes


class Qwen3Asr(Family):
    """Every second has 13 tokens, and what is left behind the last whole one as many as it fills."""

    title = "Qwen3-ASR"
    audio = Audio(samples_per_token=1231, positions_per_token=1, attention_s=8, window_s=1200.0)
    parts = TRANSFORMERS
    marks = Marks(begin="<|audio_start|>", audio="<|audio_pad|>", end="<|audio_end|>")
    published = {"Qwen/Qwen3-ASR-1.7B-hf": Sizes(2048, 28, 16, 8, 6144, 1024, 24, 16, 4096, 151936)}

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import qwen3_asr

        return qwen3_asr
