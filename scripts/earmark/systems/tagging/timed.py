"""What was measured of a student's speed, as its maker writes it and the page reads it."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.core.files import Json

UNMERGED, MERGED, BASELINE = "unmerged", "merged", "strides_16"
"""The sides of a record: the student at no merging and at some, and the one it has to beat."""


@dataclass(frozen=True)
class Timed:
    """What a side took, and its speed-up over the unmerged one: the median, and its range over the rounds."""

    median_s: float
    p95_s: float
    clips_per_s: float
    speedup: float
    speedup_low: float
    speedup_high: float
    macs: int
    peak_memory_bytes: int


@dataclass(frozen=True)
class Batch:
    """What each side took for a number of clips at once."""

    size: int
    sides: dict[str, Timed]

    @classmethod
    def of(cls, entry: Json) -> Batch:
        """Return what a record's entry holds."""
        return cls(entry["batch"], {name: Timed(**entry[name]) for name in (UNMERGED, MERGED, BASELINE)})
