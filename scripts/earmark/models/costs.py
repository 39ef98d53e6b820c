"""What of a model decides what it costs to run, as jobs are told it that never see the model."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.core.files import Json
from earmark.models.contract import Audio
from earmark.models.sizes import Sizes


@dataclass(frozen=True)
class Costs:
    """How a model hears and how large it is; ``sizes`` is None where nobody knows."""

    kind: str
    dtype: str
    max_audio_s: float
    audio: Audio
    sizes: Sizes | None

    @classmethod
    def parse(cls, content: Json) -> Costs:
        """Read what :func:`dataclasses.asdict` made of it."""
        sizes = content["sizes"]
        return cls(
            content["kind"],
            content["dtype"],
            content["max_audio_s"],
            Audio(**content["audio"]),
            None if sizes is None else Sizes(**sizes),
        )
