"""GLM-ASR: transcribes, 12.5 tokens a second, windows of 30 s."""

from __future__ import annotations

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes


class GlmAsr(Family):
    """Padding behind the audio is heard and has no tokens."""

    title = "GLM-ASR"
    audio = Audio(samples_per_token=1280, positions_per_token=4, attention_s=30, window_s=655.0)
    parts = TRANSFORMERS
    marks = Marks(begin="<|begin_of_audio|>", audio="<|pad|>", end="<|end_of_audio|>")
    published = {"zai-org/GLM-ASR-Nano-2512": Sizes(2048, 28, 16, 4, 6144, 1280, 32, 20, 5120, 59264)}

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import glm_asr

        return glm_asr
