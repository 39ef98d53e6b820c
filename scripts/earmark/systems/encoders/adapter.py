"""The adapter of the language model that reads an encoder; config and jobs know it by this."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import Count


class Adapter(Section):
    """A low-rank adapter of the language model (peft), trained at the rate of everything else."""

    rank: Count = 8
    """its rank"""

    alpha: float = Field(default=32, gt=0)
    """scale, divided by the rank"""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    """of its input, in training"""

    targets: Literal["all-linear"] | list[str] = "all-linear"
    """the linear maps that get one, by name"""
