"""What lies between the encoder and the language model of a composed model."""

from __future__ import annotations

from typing import Literal

from earmark.config.section import Section, left_out
from earmark.config.values import Count


class Projector(Section):
    """How encoder states become audio tokens."""

    kind: Literal["linear", "mlp"] = "linear"
    """one linear map, or two with a GELU between them"""

    pool: Count = 1
    """states averaged"""

    stack: Count = 5
    """of these, laid side by side to one token"""

    hidden: Count = 1024
    """mlp: width of its hidden layer"""

    heard_by: str | None = left_out()
    """the encoder's kind, where it is not whisper: wav2vec2, hubert, wavlm, audio_spectrogram_transformer,
    clap or dasheng"""

    @property
    def encoder(self) -> str:
        """The encoder's kind."""
        return self.heard_by or "whisper"

    @property
    def per_token(self) -> int:
        """States behind one token."""
        return self.pool * self.stack
