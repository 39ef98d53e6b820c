"""Benchmarks of multiple-choice questions over recordings: MMAU, MMAR, MMSU, AIR-Bench and the like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.source import Patterns, Rooted


class Columns(Section):
    """Role -> key of an item."""

    id: str = "id"
    """name of the item"""

    audio: str = "audio_path"
    """its recording, a path below the folder, or a list of them"""

    question: str = "question"
    """what is asked"""

    options: str = "choices"
    """the options, a list, in the order shown"""

    answer: str = "answer"
    """the right one: its text, its letter, or its number from 0"""


class Source(Rooted):
    """Multiple-choice questions over recordings, from JSON, JSON Lines, CSV or Parquet lists."""

    kind: Literal["choices"]

    lists: Patterns
    """the list or lists of items, below root"""

    folder: str = ""
    """folder below root that items name their recordings from"""

    columns: Columns = Columns()
    """role -> key of an item"""

    facets: dict[str, str] = {}
    """what results are told apart by -> key of an item: modality, category, length"""

    only: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    """key of an item -> values; other items are left out"""

    licence: str = ""
    """of the recordings"""
