"""What is run in which batch: samples, their windows, and batches of bounded audio.

The plan is a function of the data and the settings alone, so a run that was killed and started
again forms the same batches and gives the same answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earmark.core.errors import UserError, nearest
from earmark.core.seeding import generator
from earmark.models.features import FeatureRow
from earmark.scoring.groups import facets

if TYPE_CHECKING:
    from earmark.systems.pruning.samples import Sample


@dataclass(frozen=True)
class Row:
    """One row of a batch: one window of one sample."""

    sample: int
    window: int
    tokens: int


def windows(tokens: int, limit: int, policy: str) -> tuple[tuple[tuple[int, int], ...], bool, str | None]:
    """Apply the long-audio policy; return windows, whether anything was cut, and a failure.

    ``error`` fails what is longer than ``limit`` tokens, ``truncate`` keeps the beginning, ``window``
    cuts the whole into windows of about equal length that are answered one by one.
    """
    if tokens <= limit:
        return ((0, tokens),), False, None
    if policy == "truncate":
        return ((0, limit),), True, None
    if policy == "window":
        count = -(-tokens // limit)
        edges = [round(i * tokens / count) for i in range(count + 1)]
        return tuple(zip(edges[:-1], edges[1:], strict=True)), False, None
    return (), False, "longer than the model's limit (long_audio: error)"


def left_in(rows: Sequence[FeatureRow], left_out: Sequence[Mapping[str, str]]) -> list[FeatureRow]:
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
    rows: Sequence[FeatureRow], limit: int | None, seed: int, by: str = "label", balanced: bool = False
) -> list[FeatureRow]:
    """Return at most ``limit`` clips, classes balanced, chosen by seed and name; order is kept.

    ``by`` is what is balanced: ``label``, or ``group`` where labels are no classes. Where not all
    classes come in equally, which of them do depends on the seed. ``balanced`` takes no more of any
    class than the rarest has.
    """
    if not rows or (not balanced and (limit is None or limit >= len(rows))):
        return list(rows)
    by_class: dict[str, list[FeatureRow]] = defaultdict(list)
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


def batches(samples: Sequence[Sample], max_tokens: int) -> list[list[Row]]:
    """Return rows grouped so that rows x longest row stays within ``max_tokens``.

    Longest first, so that a run that will not fit in memory says so at once.
    """
    rows = [
        Row(number, window, end - start)
        for number, sample in enumerate(samples)
        for window, (start, end) in enumerate(sample.windows)
    ]
    rows.sort(key=lambda r: (-r.tokens, samples[r.sample].clip_id, r.window))
    grouped: list[list[Row]] = []
    for row in rows:
        if grouped and (len(grouped[-1]) + 1) * grouped[-1][0].tokens <= max_tokens:
            grouped[-1].append(row)
        else:
            grouped.append([row])
    return grouped
