"""Accuracy of numbers: right if equal to the right one, or within its range; and how many are nearly so.

BLAB scores its durations and counts so (arXiv 2505.03054, written from its rule): exactly, and for durations
also within two seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from earmark.core.files import Json
from earmark.scoring import grouped
from earmark.scoring.choices import ACCURACY, PARSE_FAILURES, Choices
from earmark.scoring.contract import Measure, Parser, Row
from earmark.scoring.counted import away, bounds
from earmark.scoring.intervals import Estimate, share
from earmark.scoring.question import Question

if TYPE_CHECKING:
    from earmark.config.asked import Scoring

NEARLY = 2
"""How far off a number may be and still count in the second measure."""


class Number(Choices):
    """A number; of the windows of a clip, the first that names one counts."""

    answers: ClassVar[Literal["choice", "transcript", "number"]] = "number"
    measures = (ACCURACY, Measure("accuracy_within_2", "share off by 2 at most", "within 2"), PARSE_FAILURES)

    def judge(
        self, replies: Sequence[str], parse: Parser, question: Question, truth: str, task: Scoring
    ) -> Row:
        """Return what the replies say, and by how much that is off."""
        said = next((number for reply in replies if (number := parse(reply, ())) is not None), None)
        right = bounds(truth)
        off = None if said is None or right is None else away(said, right)
        return {
            "predicted": None if said is None else f"{said:g}",
            "correct": off == 0,
            "parsed": said is not None,
            "off_by": off,
        }

    def tables(self, rows: Sequence[Json], task: Scoring, resamples: int, seed: int) -> Row:
        """Return ``metrics`` and ``per_group``; there are no classes."""

        def hits(members: Sequence[Json]) -> Estimate:
            return share([row["correct"] for row in members])

        nearly = [row["off_by"] is not None and row["off_by"] <= NEARLY for row in rows]
        metrics = {
            ACCURACY.name: hits(rows),
            "accuracy_within_2": share(nearly),
            "parse_failures": share([not row["parsed"] for row in rows]),
        }
        return {"metrics": metrics, "per_class": [], "per_group": grouped.table(rows, ACCURACY.name, hits)}

    def mistakes(self, row: Json) -> str | None:
        """Return by how much a number is off."""
        return None if row.get("off_by") is None else f"off by {row['off_by']:g}"
