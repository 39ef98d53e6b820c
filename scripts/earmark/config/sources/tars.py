"""Tars of samples, <key>.<audio suffix> beside <key>.json: webdataset, XARES-LLM."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.source import Limits, Patterns, Rooted
from earmark.config.values import Split


class Source(Rooted):
    """Tars of samples, <key>.<audio suffix> beside <key>.json: webdataset, XARES-LLM."""

    kind: Literal["tars"]

    splits: Annotated[dict[Split, Patterns], Field(min_length=1)]
    """split -> pattern or patterns below root; braces, * and ? stand for what they do in a shell"""

    key: str = "label;labels"
    """fields of the JSON that hold the label, parted by ;: the first that has one counts, then captions,
    caption, text"""

    label_separator: str | None = Field(default=None, min_length=1)
    """what parts several labels in one text"""

    text_key: str = ""
    """fields that hold the question or transcript"""

    options_key: str = ""
    """fields that hold the answer options, a list"""

    source_key: str = ""
    """fields that name the original recording (default: the sample)"""

    group_key: str = ""
    """fields that name a speaker, a place: what recordings are joined by besides their label"""

    licence_key: str = ""
    """fields that hold the licence"""

    licence: str = ""
    """of samples that say none"""

    limits: Limits = Limits()
    """what is refused before it fills the disk"""
