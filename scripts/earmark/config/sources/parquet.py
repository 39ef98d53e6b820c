"""Parquet files that hold the audio itself, as data sets on the hub do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.section import Section, left_out
from earmark.config.source import Limits, Patterns, Rooted
from earmark.config.values import Split


class Columns(Section):
    """Role -> column; null: not used."""

    label: str | None = "label"
    """label or labels; class numbers get their names from the file"""

    text: str | None = left_out()
    """caption, transcript or question"""

    id: str | None = left_out()
    """name of the row (default: its number)"""

    source: str | None = left_out()
    """original recording: its rows stay in one split"""

    group: str | None = left_out()
    """speaker, place: what recordings are joined by besides their label"""

    licence: str | None = left_out()
    """licence of the recording"""

    options: str | None = left_out()
    """answer options"""


class Source(Rooted):
    """Parquet files that hold the audio itself, as data sets on the hub do."""

    kind: Literal["parquet"]

    splits: Annotated[dict[Split, Patterns], Field(min_length=1)]
    """split -> pattern or patterns below root; braces, * and ? stand for what they do in a shell"""

    audio_column: str = "audio"
    """bytes, or a struct with bytes and path"""

    columns: Columns = Columns()
    """role -> column; null: not used"""

    label_separator: str | None = Field(default=None, min_length=1)
    """what parts several labels in one text"""

    licence: str = ""
    """of rows that say none"""

    limits: Limits = Limits()
    """what is refused before it fills the disk"""
