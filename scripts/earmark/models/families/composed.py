"""A model made of parts: a frozen audio encoder, a projector trained here, a language model of text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.models.contract import Audio, Code, Family, Parts
from earmark.models.families import family
from earmark.models.families.whisper import Whisper

if TYPE_CHECKING:
    from earmark.config.projector import Projector


class Composed(Family):
    """Encoder states are stored as the encoder gives them; the projector makes tokens of them."""

    title = "composed model"
    audio = Whisper.audio
    parts = Parts(encoder=Whisper.parts.encoder, decoder=("model.",))

    def hears(self, projector: Projector) -> Audio:
        """Return how a composed model hears: the projector joins positions to tokens."""
        together = projector.per_token
        own = family(projector.encoder).audio
        return replace(
            own,
            samples_per_token=own.samples_per_token * together,
            positions_per_token=together,
        )

    def stored_per_token(self, projector: Projector) -> int:
        """Return how many states of a feature file become one audio token."""
        return projector.per_token

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import composed

        return composed
