"""Transcripts: what each sample's replies amount to, and the tables over all samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earmark.core.files import Json
from earmark.scoring import error_rate, grouped
from earmark.scoring.contract import AnswerMetric, Measure, Parser, Points, Row
from earmark.scoring.error_rate import KINDS, Counts
from earmark.scoring.intervals import Estimate, share
from earmark.scoring.normalise import NORMALISERS
from earmark.scoring.paired import compare_rates
from earmark.scoring.question import Question

if TYPE_CHECKING:
    from earmark.config.asked import Scoring


def measures(name: str, unit: str, short: str) -> tuple[Measure, ...]:
    """Return the numbers of an error rate counted in ``unit``: ``word`` or ``character``."""
    rates = {
        name: (f"{unit} error rate", short),
        f"{name}_mean": (f"mean {unit} error rate", f"mean {short}"),
    }
    rates |= {f"{name}_{kind}": (f"{unit} {kind}", f"{short} {kind}") for kind in KINDS}
    worse = (Measure(key, *words, higher_is_better=False) for key, words in rates.items())
    return (*worse, Measure("faultless", "share without any error", "faultless"))


class ErrorRate(AnswerMetric):
    """A rate of errors in words or characters, after the task's normaliser."""

    answers = "transcript"
    unit: ClassVar[str]

    @staticmethod
    @abstractmethod
    def count(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
        """Return the errors of one transcript, given as words: see :mod:`earmark.scoring.error_rate`."""

    def judge(
        self, replies: Sequence[str], parse: Parser, question: Question, truth: str, task: Scoring
    ) -> Row:
        """Return what the replies say, one after another; correct is a faultless one."""
        read = [text for reply in replies if (text := parse(reply, ())) is not None]
        normalise = NORMALISERS[task.normaliser]
        counted = self.count(normalise(truth), normalise(" ".join(read)))
        return {
            "predicted": " ".join(read) if read else None,
            "correct": error_rate.mistakes(counted) == 0,
            "parsed": bool(read),
            "errors": counted,
        }

    def tables(self, rows: Sequence[Json], task: Scoring, resamples: int, seed: int) -> Row:
        """Return ``metrics`` and ``per_group``; there are no classes.

        The headline is the corpus rate; ``..._mean`` is the mean over utterances, ``faultless`` the share of
        utterances without any error.
        """
        name, counted = self.measures[0].name, [row["errors"] for row in rows]
        metrics = {
            name: error_rate.corpus(counted),
            f"{name}_mean": error_rate.mean(counted),
            **{f"{name}_{kind}": error_rate.corpus(counted, [kind]) for kind in KINDS},
            "faultless": share([row["correct"] for row in rows]),
            "parse_failures": share([not row["parsed"] for row in rows]),
        }

        def rate(members: Sequence[Json]) -> Estimate:
            return error_rate.corpus([row["errors"] for row in members])

        return {"metrics": metrics, "per_class": [], "per_group": grouped.table(rows, name, rate)}

    def points(self, row: Json) -> Points:
        """Return the errors and the length of the reference."""
        return error_rate.mistakes(row["errors"]), row["errors"]["length"]

    def compare(self, ours: Sequence[Points], theirs: Sequence[Points], drawn: np.random.Generator) -> Row:
        """Return the difference of the corpus rates: above 0 ours is worse."""
        mine, others = ([mistakes for mistakes, _ in side] for side in (ours, theirs))
        return compare_rates(mine, others, [length for _, length in ours], drawn).row()

    def mistakes(self, row: Json) -> str | None:
        """Return how many errors there are, and in how long a text."""
        number, length = self.points(row)
        return f"{number} error{'s' * (number != 1)} in {length} {self.unit}{'s' * (length != 1)}"
