"""The part of the configuration that encoder scoring owns."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import Distinct, Name


class Block(Section):
    """What `snakemake encoders` makes."""

    encoders: Distinct[str] = Field(min_length=1)
    """files of config/encoders/"""

    suites: Distinct[str] = Field(min_length=1)
    """files of config/suites/, or presets: task1, task2, all, or one of the twenty data sets"""


class Scoring(Section):
    """Encoders scored by an audio language model that is trained on them."""

    grid: list[Block] = []
    """what `snakemake encoders` makes"""

    bootstrap: int = Field(default=1000, ge=100)
    """resamples behind each interval"""


class Encoders(Section):
    """The keys of config that encoder scoring owns."""

    scoring: Scoring = Scoring()
    """encoders scored by an audio language model that is trained on them (docs/encoders.md)"""

    encoders: dict[Name, Any] = {}
    """overrides of config/encoders/*.yaml"""

    suites: dict[Name, Any] = {}
    """overrides of config/suites/*.yaml and of the presets"""
