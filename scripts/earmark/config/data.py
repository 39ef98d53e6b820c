"""A task's data: its source, and how recordings become clips and shards."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, SerializeAsAny, WithJsonSchema, field_validator

from earmark.config import source
from earmark.config.section import Section, left_out
from earmark.config.source import AnySource
from earmark.config.values import Count, Distinct, Positive, Share, Split

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


class Whole(Section):
    """A recording is a clip."""

    kind: Literal["whole"]


class Windows(Section):
    """Every recording is cut to windows of equal length."""

    kind: Literal["windows"]

    window_s: Positive
    """length, seconds"""

    hop_s: Positive | None = left_out()
    """seconds from one start to the next; window_s unless given"""

    rest: Literal["drop", "keep"] = "drop"
    """whether what is left after the last window is a clip of its own"""

    min_s: Positive | None = left_out()
    """shortest rest that is kept (0.03 unless given)"""


class Cuts(Section):
    """Every recording is cut along a list."""

    kind: Literal["cuts"]

    table: str | None = left_out(min_length=1)
    """CSV or TSV below the source's root with columns file, start_s, end_s and, if wanted, label; without it
    every part of a recording is a clip"""


class Join(Section):
    """Recordings of a class are joined."""

    kind: Literal["join"]

    min_s: Positive
    """shortest clip, seconds"""

    max_s: Positive
    """longest clip, seconds"""

    by: Literal["label", "label+group"] = "label"
    """what a clip's recordings have in common"""

    keep_whole: bool = False
    """whether recordings are never cut"""

    order: Literal["seeded", "name"] = "seeded"
    """order within a class: drawn from the seed, or by name"""


class Sequence(Section):
    """A number of recordings one after the other: digits to be read out in order."""

    kind: Literal["sequence"]

    by: Literal["label", "group"]
    """what a clip's recordings have in common"""

    min: Count
    """fewest recordings in a clip"""

    max: Count
    """most recordings in a clip"""

    passes: Count = 1
    """how often each recording is dealt out, in another order each time"""


Forming = Annotated[Whole | Windows | Cuts | Join | Sequence, Field(discriminator="kind")]


Number = Annotated[int, Field(ge=1, le=100_000)]
"""Of shards: each is some jobs, and a workflow of more than these is none that Snakemake can plan."""


class Shards(Section):
    """Number of tar shards per split."""

    train: Number = 1
    """shards of the training clips"""

    test: Number = 1
    """shards of the test clips"""


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

    max_failed_share: Share = 0
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
