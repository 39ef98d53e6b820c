"""Lists of segments of recordings on the web, in the layouts of AudioSet, VGGSound and AudioCaps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from earmark.config.links import LocalPath
from earmark.config.section import Section, left_out
from earmark.config.source import AnySource
from earmark.config.values import VIDEO


class Lists(Section):
    """Split -> CSV of segments, a path or an http(s) address."""

    train: LocalPath | None = left_out()
    """segments to train on"""

    test: LocalPath | None = left_out()
    """segments to test on"""

    @model_validator(mode="after")
    def _some(self) -> Lists:
        if self.train is None and self.test is None:
            raise ValueError("give a list for train, for test or for both")
        return self


class Source(AnySource):
    """Lists of segments of recordings on the web, in the layouts of AudioSet, VGGSound and AudioCaps."""

    kind: Literal["youtube"]

    lists: Lists
    """split -> CSV of segments, a path or an http(s) address"""

    classes: LocalPath | None = None
    """CSV of classes (index,mid,display_name), a path or an http(s) address; null for lists that name their
    classes (VGGSound) or have captions (AudioCaps)"""

    url: str = Field(default="https://www.youtube.com/watch?v={id}", pattern=VIDEO)
    """address of a recording; {id} becomes its id, quoted"""

    licence: str = "audio: rights of its uploader; labels: CC-BY-4.0"
    """recorded with every clip; the labels' licence does not cover the audio"""

    @property
    def fetched(self) -> bool:
        """Yes: the lists hold addresses."""
        return True
