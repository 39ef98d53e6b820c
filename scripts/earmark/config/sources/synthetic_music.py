"""Seeded synthetic music in the layout of AudioMarathon's GTZAN."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from earmark.config.source import AnySource, ClipsPerClass
from earmark.config.values import Positive, Split


class Source(AnySource):
    """Seeded synthetic music in the layout of AudioMarathon's GTZAN."""

    synthetic: ClassVar[bool] = True

    kind: Literal["synthetic_music"]

    genres: int = Field(ge=4)
    """number of classes"""

    recording_s: Positive
    """length of a recording, seconds"""

    question: str
    """what is asked of every clip"""

    splits: dict[Split, ClipsPerClass]
    """how many clips of each class a split has, and how long"""
