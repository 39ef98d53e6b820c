"""What is kept of audio: of items that are fetched, and in shards."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import Count, Positive, Share


class ShardLimits(Section):
    """What a shard holds at most."""

    clips: Count = 20000
    """number of clips"""

    megabytes: Positive = 4000
    """of sound (10^6 bytes)"""


class Kept(Section):
    """What is kept of each item that is fetched, for sources that are fetched."""

    sample_rate: int = Field(default=32000, ge=8000)
    """Hz of the kept clips"""

    channels: Literal["mean", "first"] = "mean"
    """what several channels become: their mean, or the first alone"""

    max_pending_share: Share = 0
    """share of a shard's items that may still be worth another try when it counts as fetched"""


class Packing(Section):
    """What the packing of a shard is given."""

    sample_rate: int
    """Hz of the packed clips."""

    channels: Literal["mean", "first"]
    """What several channels become."""

    shard_limits: ShardLimits
    """What a shard holds at most."""
