"""Encoders of a suite against each other on the same clips, with p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core.errors import UserError
from earmark.core.jsonl import read_jsonl
from earmark.core.seeding import generator
from earmark.scoring import resampled
from earmark.scoring.multiple import correct
from earmark.scoring.paired import Difference, compare, compare_rates

Row = dict[str, Any]
Record = Mapping[str, Any]
RANKED = ("likelihood_ap", "map_hard_labels")
RATES = ("iwer", "icer")


@dataclass(frozen=True)
class Scored:
    """A result of an encoder on a data set."""

    path: str
    record: Record

    @property
    def encoder(self) -> str:
        """Its name."""
        return str(self.record["asked"]["model"])

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return str(self.record["asked"]["task"])

    @property
    def headline(self) -> str:
        """The metric that stands for it."""
        return str(self.record["headline"])

    @cached_property
    def rows(self) -> Sequence[Row]:
        """What was said of each clip; raises UserError if the file beside the result is not there."""
        path = Path(self.path).with_suffix(".jsonl")
        try:
            return list(read_jsonl(path))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}, the answers behind {self.path}, can't be read ({error}); delete {self.path} to "
                "make both again"
            ) from None

    def column(self, name: str) -> list[Any]:
        """Return a column of the rows."""
        return [row[name] for row in self.rows]


@dataclass(frozen=True)
class Pair:
    """Two encoders on a data set: how much better the first is, and by what chance."""

    ours: Scored
    theirs: Scored
    row: Row


def differences(results: Sequence[Scored]) -> list[Pair]:
    """Return every pair of encoders of a suite whose difference can be tested.

    A family are all of them. Of two encoders the better stands first. FENSE and DATE are of a whole corpus,
    so nothing can be paired; nor can results on other clips.
    """
    found = [pair for pair in _pairs(results) if pair is not None]
    correct(pair.row for pair in found)
    return found


def _pairs(results: Sequence[Scored]) -> Iterator[Pair | None]:
    for dataset in sorted({each.dataset for each in results}):
        members = sorted((r for r in results if r.dataset == dataset), key=_by_value)
        for ours, theirs in combinations(members, 2):
            yield _pair(ours, theirs)


def _by_value(result: Scored) -> tuple[float, str]:
    value = result.record["metrics"][result.headline]["value"]
    return -np.inf if value is None else -value, result.encoder


def _pair(ours: Scored, theirs: Scored) -> Pair | None:
    names = ("id", "reference")
    same = ours.headline == theirs.headline and all(ours.column(n) == theirs.column(n) for n in names)
    values = [each.record["metrics"][each.headline]["value"] for each in (ours, theirs)]
    if not same or None in values or not ours.rows:
        return None
    found: Difference | None = None
    if ours.headline == "accuracy":
        mine, others = ([point == 1 for point in each.column("point")] for each in (ours, theirs))
        found = compare(mine, others)
    elif ours.headline in RATES and ours.column("length") == theirs.column("length"):
        drawn = generator(0, "difference", ours.path, theirs.path)
        # an error rate of theirs above ours is a score of ours above theirs
        found = compare_rates(
            theirs.column("mistakes"), ours.column("mistakes"), ours.column("length"), drawn
        )
    elif ours.headline in RANKED:
        return Pair(ours, theirs, _ranked(ours, theirs, values[0] - values[1]))
    return None if found is None else Pair(ours, theirs, found.row())


def _ranked(ours: Scored, theirs: Scored, apart: float) -> Row:
    """Return the difference of average precision: both met the same clips in every resample."""
    drawn = np.array(ours.record["resamples"]) - np.array(theirs.record["resamples"])
    return {**resampled.difference("mAP", apart, drawn, len(ours.rows))}
