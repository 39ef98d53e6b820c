"""A metric for each group of samples: RACE's levels, scenes, emotions, speakers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypedDict

from earmark.core.files import Json
from earmark.scoring.groups import facets
from earmark.scoring.intervals import Estimate


class Group(TypedDict):
    """A metric of the samples of one group of a facet."""

    facet: str
    group: str
    n: int
    metric: str
    score: Estimate


def table(
    rows: Sequence[Json],
    metric: str,
    measure: Callable[[list[Json]], Estimate],
) -> list[Group]:
    """Return one row per facet and group, sorted; ``measure`` gives the metric of a group's samples."""
    members: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for row in rows:
        for facet, group in facets(row["group"]).items():
            members[facet, group].append(row)
    return [
        {"facet": facet, "group": group, "n": len(inside), "metric": metric, "score": measure(inside)}
        for (facet, group), inside in sorted(members.items())
    ]
