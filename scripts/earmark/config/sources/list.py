"""Lists of recordings: CSV, TSV, JSON, JSON Lines or Parquet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.section import Partial
from earmark.config.source import Patterns, Rooted
from earmark.config.values import Split


class Columns(Partial):
    """Role -> column (or JSON key); null: not used."""

    file: str = Field(default="")
    """path below root"""

    label: str | None = None
    """label or labels"""

    text: str | None = None
    """caption, transcript or question"""

    split: str | None = None
    """train or test"""

    source: str | None = None
    """original recording: its rows stay in one split (default: the file)"""

    group: str | None = None
    """speaker, place: what recordings are joined by besides their label"""

    id: str | None = None
    """name of the row (default: the file and the cut)"""

    start_s: str | None = None
    """start of a cut of the file"""

    end_s: str | None = None
    """end of a cut; empty or 0: the file's"""

    duration_s: str | None = None
    """length of a cut, where a list has no end"""

    licence: str | None = None
    """licence of the recording"""

    options: str | None = None
    """answer options"""


class Source(Rooted):
    """Lists of recordings: CSV, TSV, JSON, JSON Lines or Parquet."""

    kind: Literal["list"]

    lists: str | Annotated[dict[Split, Patterns], Field(min_length=1)]
    """one list below root, with a split column or dealt by source; or split -> list or lists"""

    folder: str = ""
    """folder below root that the lists name files from"""

    columns: Columns = Columns()
    """role -> column (or JSON key); null: not used. Without a word here, columns called file, wav, path,
    label, labels, text, caption, licence, options, start, end, onset, offset and the like are found"""

    time_unit: Literal["s", "ms"] | None = None
    """of start_s and end_s; null: as the column's name says, seconds where it says nothing"""

    label_separator: str | None = Field(default=None, min_length=1)
    """what parts several labels in one text"""

    options_separator: str = Field(default="|", min_length=1)
    """what parts several options in one text"""

    split_names: dict[str, Split] = {}
    """what the split column says -> train or test"""

    test_share: float = Field(default=0.5, gt=0, lt=1)
    """share of each class's original recordings that go to test, where no split is given"""

    licence: str = ""
    """of rows that say none"""

    encoding: str = "utf-8"
    """of the lists"""

    absolute: bool = False
    """the lists may name any file of this machine"""
