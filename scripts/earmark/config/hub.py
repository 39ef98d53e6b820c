"""Data sets on the hub: any source that reads a root folder can read one instead."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from earmark.config.links import repository
from earmark.config.section import Section
from earmark.config.values import REPOSITORY


class Hub(Section):
    """A data set on the hub."""

    repo: Annotated[str, repository("dataset")] = Field(pattern=REPOSITORY)
    """owner/name of the data set"""

    revision: str = "main"
    """branch, tag or commit; the commit it meant is recorded"""

    allow: list[str] | None = Field(default=None, min_length=1)
    """patterns of the files that are needed, * for any characters, / too; only these come down. null: what
    the kind's own settings name, else all"""
