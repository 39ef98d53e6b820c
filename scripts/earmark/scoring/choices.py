"""Multiple-choice answers: what each sample's replies amount to, and the tables over all samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from earmark.core.files import Json
from earmark.scoring import grouped
from earmark.scoring.classification import score
from earmark.scoring.contract import AnswerMetric, Measure, Parser, Points, Row
from earmark.scoring.intervals import Estimate, share
from earmark.scoring.paired import compare
from earmark.scoring.question import LETTERS, Question

if TYPE_CHECKING:
    from earmark.config.asked import Scoring

ACCURACY = Measure("accuracy", "accuracy", "accuracy")
F1 = tuple(
    Measure(f"f1_{mean}{over}", f"{mean} F1{where}", f"F1 {mean}{where}")
    for mean in ("macro", "weighted")
    for over, where in (("", ""), ("_letters", " over letters"))
)
PARSE_FAILURES = Measure("parse_failures", "share of unparsed replies", "unparsed", higher_is_better=False)


class Choices(AnswerMetric):
    """Accuracy and F1 of answers that choose one of the options shown."""

    answers: ClassVar[Literal["choice", "transcript", "number"]] = "choice"

    def judge(
        self, replies: Sequence[str], parse: Parser, question: Question, truth: str, task: Scoring
    ) -> Row:
        """Return what the replies say; windows vote, the option first named wins a tie."""
        votes = Counter(choice for reply in replies if (choice := parse(reply, question.options)) is not None)
        chosen = votes.most_common(1)[0][0] if votes else None
        return {
            "predicted": None if chosen is None else question.options[chosen],
            "predicted_letter": None if chosen is None else LETTERS[chosen],
            "correct": chosen == question.truth,
            "parsed": chosen is not None,
        }

    def tables(self, rows: Sequence[Json], task: Scoring, resamples: int, seed: int) -> Row:
        """Return ``metrics``, ``per_class`` and ``per_group``."""
        metrics, per_class = self.scores(rows, resamples, seed)
        metrics["parse_failures"] = share([not row["parsed"] for row in rows])

        def hits(members: Sequence[Json]) -> Estimate:
            return share([row["correct"] for row in members])

        per_group = grouped.table(rows, ACCURACY.name, hits)
        return {"metrics": metrics, "per_class": per_class, "per_group": per_group}

    def scores(self, rows: Sequence[Json], resamples: int, seed: int) -> tuple[Json, list[Row]]:
        """Return accuracy and F1 over the options' texts and over letters, and a row per text."""
        return score(
            [row["truth"] for row in rows],
            [row["predicted"] for row in rows],
            [row["truth_letter"] for row in rows],
            [row["predicted_letter"] for row in rows],
            resamples,
            seed,
        )

    def points(self, row: Json) -> Points:
        """Return 1 of 1 for a right choice, 0 of 1 for a wrong one."""
        return int(row["correct"]), 1

    def compare(self, ours: Sequence[Points], theirs: Sequence[Points], drawn: np.random.Generator) -> Row:
        """Return the difference of accuracies: above 0 ours is better."""
        return compare([bool(hit) for hit, _ in ours], [bool(hit) for hit, _ in theirs]).row()
