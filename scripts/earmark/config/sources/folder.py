"""A folder of audio files and a table, or of audio files sorted into folders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.source import Rooted


class Source(Rooted):
    """A folder of audio files and a table, or of audio files sorted into folders."""

    kind: Literal["folder"]

    table: str | None = "metadata.csv"
    """CSV, TSV or other list below root; null: every audio file, its label the folder it is in, its split the
    folder train or test at the top where both are there"""

    file_column: str = "file"
    """column with the file"""

    label_column: str = "label"
    """column with the label"""

    licence_column: str | None = None
    """column with the licence"""

    split_column: str | None = None
    """column with train or test; by default recordings are dealt by source"""

    group_pattern: str | None = None
    """regular expression on the file name whose first group names the original recording"""

    test_share: float = Field(default=0.5, gt=0, lt=1)
    """share of each class's original recordings that go to test"""

    licence: str = ""
    """of recordings that say none"""
