"""A task of AudioMarathon, in the published layout."""

from __future__ import annotations

from typing import Literal

from earmark.config.source import Rooted


class Source(Rooted):
    """A task of AudioMarathon, in the published layout."""

    kind: Literal["audiomarathon"]

    task: Literal[
        "desed", "gtzan", "had", "librispeech", "race", "slue", "tau", "vesus", "vox_gender", "vox_age"
    ]
    """which of the ten tasks"""

    licence: str = "CC-BY-NC-4.0"
    """licence noted with every recording"""
