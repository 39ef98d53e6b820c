"""Multiple-choice answers: what each sample's replies amount to, and the tables over all samples.

With the metric ``classes`` the options are classes, alike in all samples: F1 and the class table are
over class names, F1 over option letters beside them. With ``letters`` every sample has options of its
own (a reading comprehension test), so there are no classes and the table is over letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from earmark.scoring import grouped
from earmark.scoring.classification import score
from earmark.scoring.intervals import share
from earmark.scoring.question import LETTERS, Question

Row = dict[str, Any]
Parser = Callable[[str, Sequence[str]], int | None]


def judge(replies: Sequence[str], parse: Parser, question: Question, truth: str, task: Row) -> Row:
    """Return what the replies to a sample's windows say; windows vote, the option first named wins a tie."""
    votes = Counter(choice for reply in replies if (choice := parse(reply, question.options)) is not None)
    chosen = votes.most_common(1)[0][0] if votes else None
    return {
        "predicted": None if chosen is None else question.options[chosen],
        "predicted_letter": None if chosen is None else LETTERS[chosen],
        "correct": chosen == question.truth,
        "parsed": chosen is not None,
    }


def tables(rows: Sequence[Row], task: Row, resamples: int, seed: int) -> Row:
    """Return ``metrics``, ``per_class`` and ``per_group`` of scored samples."""
    truth, predicted = [row["truth"] for row in rows], [row["predicted"] for row in rows]
    letters, chosen = [row["truth_letter"] for row in rows], [row["predicted_letter"] for row in rows]
    if task["metric"] == "letters":
        metrics, per_class = score(letters, chosen, letters, chosen, resamples, seed)
        metrics = {name: metrics[name] for name in ("accuracy", "f1_macro_letters", "f1_weighted_letters")}
    else:
        metrics, per_class = score(truth, predicted, letters, chosen, resamples, seed)
    metrics["parse_failures"] = share([not row["parsed"] for row in rows])
    per_group = grouped.table(rows, "accuracy", lambda members: share([row["correct"] for row in members]))
    return {"metrics": metrics, "per_class": per_class, "per_group": per_group}
