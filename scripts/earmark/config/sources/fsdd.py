"""The Free Spoken Digit Dataset: files named digit_speaker_take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.source import Rooted
from earmark.config.values import LETTERS, Split

Speaker = Annotated[str, Field(pattern=LETTERS)]


class Source(Rooted):
    """The unpacked repository, or any folder of such files."""

    kind: Literal["fsdd"]

    speakers: dict[Split, Annotated[list[Speaker], Field(min_length=1)]]
    """split -> its speakers"""
