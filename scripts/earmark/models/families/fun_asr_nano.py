"""Fun-ASR-Nano: transcribes, a token for every 60 ms, two minutes at most."""

from __future__ import annotations

from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes


class FunAsrNano(Family):
    """The encoder knows 2,048 positions, and attends to all of them."""

    title = "Fun-ASR-Nano"
    audio = Audio(mel_hop=960, samples_per_token=960, positions_per_token=1, window_s=122.0)
    parts = TRANSFORMERS
    marks = Marks(begin="", audio="<|object_ref_start|>", end="")
    published = {
        "FunAudioLLM/Fun-ASR-Nano-2512-hf": Sizes(1024, 28, 16, 8, 3072, 512, 70, 4, 2048, 151936, head=128)
    }

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import fun_asr_nano

        return fun_asr_nano
