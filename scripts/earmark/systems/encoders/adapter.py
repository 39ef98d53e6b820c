"""The adapter of the language model that reads an encoder; config and jobs know it by this."""

from __future__ import annotations

from pydantic import Field

from earmark.config import compose


class Adapter(compose.Adapter):
    """A low-rank adapter of the language model (peft), trained at the rate of everything else."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    """of its input, in training"""
