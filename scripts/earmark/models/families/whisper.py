"""Whisper's encoder: a part to build models on; it answers nothing by itself."""

from __future__ import annotations

from earmark.core.files import Json
from earmark.models.contract import Audio, Code, Family, Parts
from earmark.models.sizes import Sizes, audio_sizes


class Whisper(Family):
    """The encoder hears exactly 30 s: shorter audio is padded, as it was trained."""

    title = "Whisper"
    audio = Audio(samples_per_token=320, positions_per_token=1, attention_s=30, window_s=30.0)
    parts = Parts(
        encoder=("model.encoder.", "encoder."),
        decoder=(),
        unread=("model.decoder.", "decoder.", "proj_out."),
    )
    answers = False

    def sizes(self, config: Json) -> Sizes | None:
        """Return the encoder's sizes."""
        return audio_sizes(config)

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import whisper

        return whisper
