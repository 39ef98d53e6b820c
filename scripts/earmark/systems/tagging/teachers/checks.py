"""What is checked of stored logits before a student learns from them, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.sparse import csr_array

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.scoring.ranking import ranks
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.teachers.store import Logits

MOST = 20_000
"""Clips that a teacher's own average precision is taken over, at most."""


@dataclass(frozen=True)
class Score:
    """A teacher's mean average precision over the classes with positives, on clips that it has logits of.

    ``chance`` is what rows of no meaning would reach: the mean share of positives.
    """

    map: float | None
    chance: float | None
    classes: int
    clips: int


@dataclass(frozen=True)
class Taught:
    """What is recorded of the teachers: what made the logits of each, and how good they are."""

    teachers: list[tuple[dict[str, str], Score]]
    clips: int
    without_logits: int

    def record(self) -> Json:
        """Return it as JSON."""
        return {
            "teachers": [{**made_by, "training_map": asdict(score)} for made_by, score in self.teachers],
            "clips": self.clips,
            "without_logits": self.without_logits,
        }


def check(
    stored: Logits, classes: Classes, clip_ids: Sequence[str], labels: csr_array, policy: str
) -> Taught:
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
    scores = _scores(stored, clip_ids, labels)
    return Taught(list(zip(stored.teachers, scores, strict=True)), len(clip_ids), len(missing))


def _scores(stored: Logits, clip_ids: Sequence[str], labels: csr_array) -> list[Score]:
    """Return each teacher's score."""
    chosen = np.unique(np.linspace(0, len(clip_ids) - 1, min(MOST, len(clip_ids))).astype(int))
    found = [(index, stored.get(clip_ids[index])) for index in chosen]
    known = [(index, rows) for index, rows in found if rows is not None]
    if not known:
        return [Score(None, None, 0, 0) for _ in stored.teachers]
    truth = labels[[index for index, _ in known]].toarray() > 0
    present = np.flatnonzero(truth.any(axis=0))
    chance = float(truth[:, present].mean()) if len(present) else None
    scores = []
    for teacher in range(len(stored.teachers)):
        logits = np.stack([rows[teacher] for _, rows in known])
        each = ranks(logits[:, present], truth[:, present])[0]
        scores.append(Score(float(each.mean()) if len(present) else None, chance, len(present), len(known)))
    return scores
