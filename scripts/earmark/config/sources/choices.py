"""Benchmarks of multiple-choice questions over recordings: MMAU, MMAR, MMSU, AIR-Bench and the like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.source import Patterns, Rooted


class Columns(Section):
    """Role -> key of an item."""

    id: str | None = "id"
    """name of the item; null: its list's and its place there"""

    audio: str = "audio_path"
    """its recording, a path below the folder, or a list of them; or a path with keys in braces:
    {task_name}/{path}"""

    url: str | None = None
    """the address of its recording, for lists that come without sound: it is fetched item by item, and what
    audio gives is a name alone; null: the recordings are there"""

    question: str = "question"
    """what is asked"""

    options: str | Annotated[list[str], Field(min_length=2, max_length=26)] | None = "choices"
    """the options, a list, in the order shown; or the keys of the options one by one, of which an item may
    leave some out; null: there are none, the answer is a number"""

    answer: str = "answer"
    """the right one: its text, its letter, or its number from 0; without options the number, or the least
    and the greatest that are right: [3, 5]"""


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

    @property
    def fetched(self) -> bool:
        """Whether the lists give addresses."""
        return self.columns.url is not None
