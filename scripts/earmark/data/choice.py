"""Which clips of a split are asked: a function of the clips, the task's limits and the seed alone.

So that encoding, which may leave out what is not asked, and answering choose the same ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from earmark.config.asked import Choice
from earmark.core.errors import UserError, nearest
from earmark.core.records import FAILED, OK, SKIPPED, Clip
from earmark.core.seeding import generator
from earmark.scoring.groups import facets


class Row(Protocol):
    """What is chosen: a clip, or what a clip became."""

    @property
    def clip(self) -> Clip:
        """The clip."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class _Alone:
    """A clip of which nothing else is known yet."""

    clip: Clip


def asked_of(rows: Sequence[R], task: Choice, seed: int) -> list[R]:
    """Return the clips that a task asks, of all those of its split; order is kept.

    Args:
        rows: of every shard of the split.
        task: its limits.
        seed: config's.

    Raises:
        UserError: as :func:`left_in`, naming the task.

    """
    try:
        kept = left_in(rows, task.leave_out)
    except UserError as error:
        raise UserError(f"task '{task.name}': {error}") from None
    return choose(kept, task.sample_limit, seed, task.balanced_by, task.balanced)


def without_skipped(clips: Sequence[Clip], split: Sequence[Clip], task: Choice, seed: int) -> list[Clip]:
    """Return a shard's clips, those marked as skipped that the task does not ask, of all of its ``split``."""
    rows = [_Alone(clip) for clip in split if clip.status in (OK, FAILED)]
    asked = {row.clip.clip_id for row in asked_of(rows, task, seed)}
    reason = f"not chosen (sample_limit: {task.sample_limit})"
    return [
        replace(clip, status=SKIPPED, reason=reason) if clip.ok and clip.clip_id not in asked else clip
        for clip in clips
    ]


def left_in(rows: Sequence[R], left_out: Sequence[Mapping[str, str]]) -> list[R]:
    """Return the clips that fit no entry of ``left_out``: facets of their group that all agree.

    Raises:
        UserError: an entry names what no clip has, so that it would leave out nothing unnoticed, or no
            clip is left.

    """
    own = [{**facets(row.clip.group), "label": "".join(row.clip.labels[:1])} for row in rows]
    known = sorted({name for each in own for name in each})
    for name in (name for entry in left_out for name in entry if name not in known):
        raise UserError(f"leave_out: no clip's group says '{name}'; {nearest(name, known)}")

    def fits(says: Mapping[str, str], entry: Mapping[str, str]) -> bool:
        return all(says.get(name, "").casefold() == value.casefold() for name, value in entry.items())

    kept = [
        row for row, says in zip(rows, own, strict=True) if not any(fits(says, entry) for entry in left_out)
    ]
    if not kept:
        raise UserError(
            "leave_out: no clip is left to be asked" if rows else "the test split holds no clip to be asked"
        )
    return kept


def choose(
    rows: Sequence[R], limit: int | None, seed: int, by: str = "label", balanced: bool = False
) -> list[R]:
    """Return at most ``limit`` clips, classes balanced, chosen by seed and name; order is kept.

    ``by`` is what is balanced: ``label``, or ``group`` where labels are no classes. Where not all
    classes come in equally, which of them do depends on the seed. ``balanced`` takes no more of any
    class than the rarest has.
    """
    if not rows or (not balanced and (limit is None or limit >= len(rows))):
        return list(rows)
    by_class: dict[str, list[R]] = defaultdict(list)
    for row in rows:
        by_class[row.clip.labels[0] if by == "label" else row.clip.group].append(row)
    order = sorted(by_class, key=lambda name: generator(seed, "class", name).random())
    queues = [
        sorted(by_class[name], key=lambda r: generator(seed, "sample", r.clip.clip_id).random())
        for name in order
    ]
    rounds = min(map(len, queues)) if balanced else max(map(len, queues))
    dealt = [queue[i] for i in range(rounds) for queue in queues if i < len(queue)]
    chosen = {row.clip.clip_id for row in dealt[:limit]}
    return [row for row in rows if row.clip.clip_id in chosen]
