"""Accuracy and F1 where every sample has options of its own, as in a reading comprehension test.

There are no classes, so F1 and the table are over option letters.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.core.files import Json
from earmark.scoring.choices import ACCURACY, F1, PARSE_FAILURES, Choices
from earmark.scoring.classification import score
from earmark.scoring.contract import Row

NAMES = ("accuracy", "f1_macro_letters", "f1_weighted_letters")


class Letters(Choices):
    """A choice among options of the clip's own."""

    measures = (ACCURACY, *(each for each in F1 if each.name in NAMES), PARSE_FAILURES)

    def scores(self, rows: Sequence[Json], resamples: int, seed: int) -> tuple[Json, list[Row]]:
        """Return accuracy and F1 over letters, and a row per letter."""
        letters, chosen = [row["truth_letter"] for row in rows], [row["predicted_letter"] for row in rows]
        metrics, per_class = score(letters, chosen, letters, chosen, resamples, seed)
        return {name: metrics[name] for name in NAMES}, per_class
