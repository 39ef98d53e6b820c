"""How recordings become clips."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from earmark.config.section import Section, left_out
from earmark.config.values import Count, Positive


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

    folds: int | None = left_out(ge=2)
    """equal shares of a class's original recordings that no clip mixes, those that compose.hold_out takes by
    {fold, of}; only with by: label; unless given, any recordings of a class are joined"""

    @model_validator(mode="after")
    def _classes_are_shared_out(self) -> Sequence:
        if self.folds and self.by != "label":
            raise ValueError(f"folds are shares of a class; they go with by: label, not with by: {self.by}")
        return self


Forming = Annotated[Whole | Windows | Cuts | Join | Sequence, Field(discriminator="kind")]

_FORMING: TypeAdapter[Forming] = TypeAdapter(Forming)


def read(content: Any) -> Forming:
    """Return how recordings become clips, as the rules pass it on from a configuration that was checked."""
    return _FORMING.validate_python(content)
