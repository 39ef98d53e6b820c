"""How a model's weights and prompts are held in memory."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import Count


class Load(Section):
    """How weights and prompts are held in memory where questions are answered."""

    mode: Literal["full", "layerwise", "4bit"] = "full"
    """full: all weights in memory; layerwise: each layer read when its turn comes; 4bit: quantised by
    bitsandbytes"""

    resident_layers: int = Field(default=0, ge=0)
    """layerwise: that many first layers stay in memory"""

    prefill_chunk: Count | None = None
    """tokens of a prompt that a layer takes at a time; null for all at once"""
