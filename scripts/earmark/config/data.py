"""A task's data: its source, and how recordings become clips and shards."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, SerializeAsAny, WithJsonSchema, field_validator

from earmark.config import source
from earmark.config.forming import Forming, Whole
from earmark.config.packing import Kept, ShardLimits
from earmark.config.section import Section
from earmark.config.source import AnySource
from earmark.config.values import Distinct, Share, Split

SOURCE = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "kind": {
            "description": "module of scripts/earmark/data/sources/; its keys: sources/<kind>.schema.json",
            "type": "string",
        }
    },
}


Number = Annotated[int, Field(ge=1, le=100_000)]
"""Of shards: each is some jobs, and a workflow of more than these is none that Snakemake can plan."""


class Shards(Section):
    """Number of tar shards per split."""

    train: Number = 1
    """shards of the training clips"""

    test: Number = 1
    """shards of the test clips"""

    def of(self, split: Split) -> int:
        """Return the number of a split's."""
        return self.train if split == "train" else self.test


class Labels(Section):
    """What is done to labels before anything is counted."""

    strip: bool = False
    """outer space goes, and inner space is one blank"""

    normalise: bool = False
    """Unicode forms, dashes, quotes and letters that only look like those of a keyboard become one (NFKC)"""

    lower: bool = False
    """in small letters"""

    alike: Literal["refuse", "keep"] = "refuse"
    """labels left that differ by space, case or look alone: stop, or take them for different classes"""


def _source(content: Any) -> AnySource:
    return source.read(content, "data.source")


class Data(Section):
    """Where recordings come from, and how they become clips and shards."""

    source: Annotated[SerializeAsAny[AnySource], PlainValidator(_source), WithJsonSchema(SOURCE)]
    """where recordings come from: kind, and the keys of that kind"""

    segment: dict[Split, Forming] = {"train": Whole(kind="whole"), "test": Whole(kind="whole")}
    """split -> how recordings become clips"""

    shards: Shards = Shards()
    """number of tar shards per split"""

    sample_rate: int = Field(default=16000, ge=8000)
    """Hz of the packed clips"""

    channels: Literal["mean", "first"] = "mean"
    """what several channels become: their mean, or the first alone"""

    shard_limits: ShardLimits = ShardLimits()
    """more than this in one shard is refused, with the number of shards that would do"""

    labels: Labels = Labels()
    """what is done to labels"""

    fetch: Kept = Kept()
    """what is kept of each item that is fetched, for sources that are fetched"""

    max_failed_share: Share = 0.0
    """share of recordings that may be unusable"""

    allow_overlap: Distinct[Literal["overlap_source", "overlap_audio"]] = []
    """findings of the audit that stop no packing: the same recordings, or files of equal content, in more
    than one split"""

    @field_validator("segment")
    @classmethod
    def _has_a_test(cls, segment: dict[Split, Any]) -> dict[Split, Any]:
        if "test" not in segment:
            raise ValueError("'test' is missing; say how its recordings become clips")
        return segment

    @property
    def counts(self) -> dict[Split, int]:
        """How many shards each of its splits has."""
        return {split: self.shards.of(split) for split in self.segment}
