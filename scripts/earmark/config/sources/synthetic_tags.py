"""Seeded synthetic sounds with several labels each, for taggers."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from earmark.config.section import Section, left_out
from earmark.config.source import AnySource
from earmark.config.values import Count


class Clips(Section):
    """Number of clips per split."""

    train: Count | None = left_out()
    """to train on"""

    test: Count
    """to test on"""


class Source(AnySource):
    """Seeded synthetic sounds with several labels each, for taggers."""

    synthetic: ClassVar[bool] = True

    kind: Literal["synthetic_tags"]

    clips: Clips
    """number of clips per split"""

    seconds: float = Field(default=1.28, ge=0.5, le=60)
    """length of a clip"""

    sample_rate: int = Field(default=32000, ge=16000)
    """Hz of the files; nothing sounds above 8 kHz"""

    missing_share: float = Field(default=0.3, ge=0, lt=1)
    """share of the labels of train that are left out, as annotators leave out what they don't hear; those of
    test are complete"""

    level_db: list[float] = Field(default=[0, 20], min_length=2, max_length=2)
    """how loud a sound is against the background, from and to"""
