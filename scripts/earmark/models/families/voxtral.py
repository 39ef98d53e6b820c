"""Voxtral: 12.5 tokens a second, audio filled up to whole windows of 30 s."""

from __future__ import annotations

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes


class Voxtral(Family):
    """The silence that fills a window has tokens too: up to 374 that say nothing."""

    title = "Voxtral"
    audio = Audio(samples_per_token=1280, positions_per_token=4, attention_s=30, window_s=2400.0)
    parts = TRANSFORMERS
    marks = Marks(begin="[BEGIN_AUDIO]", audio="[AUDIO]", end="")
    published = {
        "mistralai/Voxtral-Mini-3B-2507": Sizes(3072, 30, 32, 8, 8192, 1280, 32, 20, 5120, 131072, head=128),
        "mistralai/Voxtral-Small-24B-2507": Sizes(
            5120, 40, 32, 8, 32768, 1280, 32, 20, 5120, 131072, head=128
        ),
    }

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import voxtral

        return voxtral
