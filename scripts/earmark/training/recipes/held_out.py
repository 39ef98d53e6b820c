"""Clips that a composed model does not learn from, to choose how it is trained without the test split.

What is measured is what answering gives: an answer is right where every one of its tokens is the likeliest
after those before it, so greedy decoding writes exactly it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from earmark.config.compose import Fold
from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.core.shares import shares
from earmark.training.recipes.composed import Lesson, Trainer

HoldOut = float | Fold | Sequence[str] | None
"""A share of the original recordings, one of several such shares, or groups."""
MOST_ASKED = 80
"""Clips of a lesson that are asked at most."""


def without(
    lessons: Sequence[Lesson], hold_out: HoldOut, only_asked: int = 0
) -> tuple[list[Lesson], list[Lesson]]:
    """Return the lessons without what is held out, and lessons of that alone.

    The last ``only_asked`` lessons are not learned from, but their clips that are held out are asked.
    What is held out is the same for all of them. A clip of both kinds of recordings is in neither, so a
    task of joined ones may have none to be asked.

    Raises:
        UserError: nothing would be left to learn from, or nothing is held out.
    """
    if hold_out is None:
        return list(lessons), []
    said, kept, held = _said(hold_out), [], []
    out = _chosen([clip for lesson in lessons for clip in lesson.clips], hold_out)
    for number, lesson in enumerate(lessons):
        left = [clip for clip in lesson.clips if out.isdisjoint(_names(clip, hold_out))]
        asked = [clip for clip in lesson.clips if out.issuperset(_names(clip, hold_out))]
        if number < len(lessons) - only_asked:
            if not left:
                raise UserError(
                    f"compose.hold_out: {said} leaves nothing to learn from of task '{lesson.task.name}'"
                )
            kept.append(replace(lesson, clips=left))
        held += [replace(lesson, clips=asked[:MOST_ASKED])] if asked else []
    if not held:
        raise UserError(f"compose.hold_out: {said} holds out no clip; name a larger share, or groups")
    return kept, held


def _said(hold_out: HoldOut) -> str:
    """Return a setting as config spells it."""
    return repr(hold_out.plain() if isinstance(hold_out, Fold) else hold_out)


def _names(clip: Clip, hold_out: HoldOut) -> set[str]:
    """Return what a clip is held out by: its group, or the recordings in it."""
    return set(clip.source_id) if isinstance(hold_out, float | Fold) else {clip.group or ""}


def _chosen(clips: Sequence[Clip], hold_out: HoldOut) -> set[str]:
    """Return the names that are held out: of a share, every n-th recording of each class."""
    if isinstance(hold_out, float):
        of = round(1 / hold_out)
        wanted = of - 1
    elif isinstance(hold_out, Fold):
        of, wanted = hold_out.of, hold_out.fold - 1
    else:
        return set(hold_out or ())
    return {name for name, share in shares(clips, of).items() if share == wanted}


@dataclass(frozen=True)
class Examiner:
    """Asks what was held out, with questions that are the same every time."""

    trainer: Trainer
    held: Sequence[Lesson]

    @torch.inference_mode()
    def measure(self) -> dict[str, float]:
        """Return the mean loss of a task's answer tokens, and its shares of tokens and answers right."""
        found = {}
        for lesson in self.held:
            losses, right, whole = [], [], []
            for clip in lesson.clips:
                told = self.trainer.read([self.trainer.row(lesson, clip, np.random.default_rng(0))])
                losses.append(told.losses)
                right.append(told.right)
                whole.append(told.right.all())
            name = lesson.task.name
            found[f"{name}_loss"] = float(torch.cat(losses).mean())
            found[f"{name}_tokens"] = float(torch.cat(right).float().mean())
            found[f"{name}_answers"] = float(torch.stack(whole).float().mean())
        return found
