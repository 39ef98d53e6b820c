"""Seeded stand-ins of AudioMarathon's tasks, in the layout of each."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.source import AnySource, ClipsPerClass
from earmark.config.values import Count, Split


class Utterances(Section):
    """The transcription task."""

    utterances: Count
    """number of recordings"""

    min_words: Count
    """words of the shortest"""

    max_words: int = Field(ge=1, le=10)
    """words of the longest"""


class Source(AnySource):
    """Seeded stand-ins of AudioMarathon's tasks, in the layout of each."""

    synthetic: ClassVar[bool] = True

    kind: Literal["synthetic_marathon"]

    task: Literal["desed", "had", "librispeech", "race", "slue", "tau", "vesus", "vox_gender", "vox_age"]
    """which task"""

    splits: dict[Split, ClipsPerClass | Utterances]
    """how much of a split there is: of a task of choices, or of the transcription task"""
