"""What is checked of stored logits before a student learns from them, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from earmark.core.errors import UserError
from earmark.scoring.ranking import ranks
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.teachers.store import Logits

MOST = 20_000
"""Clips that a teacher's own average precision is taken over, at most."""


def check(
    stored: Logits, classes: Classes, clip_ids: Sequence[str], labels: csr_array, policy: str
) -> dict[str, Any]:
    """Check that a student can learn from stored logits; return what to record of them.

    Args:
        stored: of all the recipe's teachers.
        classes: the task's.
        clip_ids: the training clips.
        labels: theirs, [clips, classes], sparse.
        policy: ``unlabelled_by_teacher`` of the recipe.

    Returns:
        The teachers, how many clips they have no logits for, and per teacher the mean average precision
        of its logits against the labels: rows that belong to other clips show there, as chance.

    Raises:
        UserError: logits of other classes or another order, clips without logits where the policy is
            ``refuse``, or none with.

    """
    names = ", ".join(f"'{teacher['teacher']}'" for teacher in stored.teachers)
    if stored.width != len(classes) or stored.classes_digest != classes.digest:
        raise UserError(
            f"the logits of {names} are of {stored.width} classes that are not the student's {len(classes)}, "
            "or not in their order; delete these logits and teacher.json to make them again"
        )
    missing = stored.missing(clip_ids)
    if missing and policy == "refuse":
        first = ", ".join(f"'{name}'" for name in missing[:3])
        reasons = "".join(f"; {count} {reason}" for reason, count in stored.failed.most_common(3))
        raise UserError(
            f"{len(missing)} of {len(clip_ids)} training clips have no logits of {names} (first: {first}"
            f"{reasons}); make them, or set unlabelled_by_teacher to labels in the recipe to learn such "
            "clips from their labels alone"
        )
    if len(missing) == len(clip_ids):
        raise UserError(f"none of the {len(clip_ids)} training clips has logits of {names}: other ids?")
    return {
        "teachers": [
            {**teacher, "training_map": score}
            for teacher, score in zip(stored.teachers, _scores(stored, clip_ids, labels), strict=True)
        ],
        "clips": len(clip_ids),
        "without_logits": len(missing),
    }


def _scores(
    stored: Logits, clip_ids: Sequence[str], labels: csr_array
) -> list[dict[str, float | int | None]]:
    """Return each teacher's mean average precision over the classes with positives, and their shares.

    ``chance`` is what rows of no meaning would reach: the mean share of positives.
    """
    chosen = np.unique(np.linspace(0, len(clip_ids) - 1, min(MOST, len(clip_ids))).astype(int))
    found = [(index, stored.get(clip_ids[index])) for index in chosen]
    known = [(index, rows) for index, rows in found if rows is not None]
    if not known:
        return [{"map": None, "chance": None, "classes": 0, "clips": 0} for _ in stored.teachers]
    truth = labels[[index for index, _ in known]].toarray() > 0
    present = np.flatnonzero(truth.any(axis=0))
    scores: list[dict[str, float | int | None]] = []
    for teacher in range(len(stored.teachers)):
        logits = np.stack([rows[teacher] for _, rows in known])
        each = ranks(logits[:, present], truth[:, present])[0]
        scores.append(
            {
                "map": float(each.mean()) if len(present) else None,
                "chance": float(truth[:, present].mean()) if len(present) else None,
                "classes": len(present),
                "clips": len(known),
            }
        )
    return scores
