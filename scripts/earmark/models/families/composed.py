"""A model made of parts: a frozen audio encoder, a projector trained here, a language model of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from earmark.models.contract import Audio, Code, Family, Parts
from earmark.models.families import family
from earmark.models.families.whisper import Whisper


class Composed(Family):
    """Encoder states are stored as the encoder gives them; the projector makes tokens of them."""

    title = "composed model"
    audio = Whisper.audio
    parts = Parts(encoder=Whisper.parts.encoder, decoder=("model.",))

    def hears(self, entry: Mapping[str, Any]) -> Audio:
        """Return how the model of a config entry hears: the projector joins positions to tokens."""
        together = self.stored_per_token(entry)
        own = family(self.heard_by(entry)).audio
        return replace(
            own,
            samples_per_token=own.samples_per_token * together,
            positions_per_token=together,
        )

    @staticmethod
    def heard_by(entry: Mapping[str, Any]) -> str:
        """Return the family of the encoder of a config entry."""
        return str(entry.get("compose", {}).get("heard_by") or "whisper")

    def stored_per_token(self, entry: Mapping[str, Any]) -> int:
        """Return how many states of a feature file become one audio token."""
        return int(entry["projector"]["pool"]) * int(entry["projector"]["stack"])

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import composed

        return composed
