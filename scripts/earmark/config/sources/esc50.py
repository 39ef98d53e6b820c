"""ESC-50 as published, or ESC-10: a class and a fold for each recording."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earmark.config.source import Rooted
from earmark.config.values import Split

Fold = Literal["1", "2", "3", "4", "5"]


class Source(Rooted):
    """The unpacked repository (with meta/esc50.csv), or any folder of files named fold-clip-take."""

    kind: Literal["esc50"]

    esc10: bool = False
    """its ten classes of ESC-10 alone"""

    folds: dict[Split, Annotated[list[Fold], Field(min_length=1)]]
    """split -> its folds"""
