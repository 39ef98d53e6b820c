"""Recordings of a class joined to long clips, each recording used once.

Classes are sorted and walked on disk (:mod:`earmark.core.external_sort`), so memory doesn't grow with the
number of recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from earmark.config.forming import Join
from earmark.core.external_sort import sorted_rows
from earmark.core.records import UNUSED, Clip, Part, Span
from earmark.core.seeding import generator
from earmark.data.segment.stretches import SLACK, slug, stretch


class Piece(NamedTuple):
    """A stretch of a recording that is joined whole; spans count from its own start."""

    recording: Clip
    parts: list[Part]
    spans: list[Span]


def join(recordings: Iterable[Clip], form: Join, seed: int) -> Iterator[Clip]:
    """Yield clips of ``min_s`` to ``max_s`` seconds, each joined from recordings of one class.

    ``by``: ``label``, or ``label+group`` to keep speakers or places apart as well. ``keep_whole``:
    no recording is cut. ``order``: ``seeded``, or by ``name``. The order within a class and the
    lengths depend on the seed and on names, never on the order of the list.
    """
    limits = form.min_s, form.max_s
    by_group, by_name = form.by == "label+group", form.order == "name"
    longest = float("inf") if form.keep_whole else form.max_s

    def name(recording: Clip) -> tuple[str, ...]:
        label = recording.labels[0] if recording.labels else ""
        return (label, recording.group) if by_group else (label,)

    def key(recording: Clip) -> tuple[str | float, ...]:
        place = recording.clip_id if by_name else generator(seed, "join", recording.clip_id).random()
        return (*name(recording), place)

    with sorted_rows(recordings, key) as ordered:
        # Two walks side by side: the first adds up what the second shares out.
        ahead, walk = groupby(ordered, name), groupby(ordered, name)
        for index, ((_, counted), (names, members)) in enumerate(zip(ahead, walk)):
            split = ""
            total = 0.0
            for recording in counted:
                split = recording.split
                for piece in _pieces(recording, longest):
                    total += _seconds([piece]) if _seconds([piece]) <= limits[1] + SLACK else 0.0
            rng = generator(seed, "length", split, *names)
            pieces = (piece for recording in members for piece in _pieces(recording, longest))
            for number, group in enumerate(_grouped(pieces, total, *limits, rng)):
                yield _joined(f"{split}-{index:03d}-{number:05d}-{slug(names[0])}", names[0], group, limits)


def _pieces(recording: Clip, longest_s: float) -> Iterator[Piece]:
    """Yield the recording in stretches of at most ``longest_s`` seconds of about equal length."""
    count = max(1, -int(-recording.duration_s // longest_s))
    step = recording.duration_s / count
    for i in range(count):
        parts, spans = stretch(recording, i * step, min((i + 1) * step, recording.duration_s))
        yield Piece(recording, parts, spans)


def _grouped(
    pieces: Iterable[Piece], left: float, min_s: float, max_s: float, rng: np.random.Generator
) -> Iterator[list[Piece]]:
    """Cut a sequence of pieces, ``left`` seconds in all, into groups of ``min_s`` to ``max_s`` seconds.

    Each group stops at the piece that comes closest to the length aimed at: drawn while there is
    plenty left, then what shares out the rest evenly. A piece over ``max_s`` stays alone.
    """
    held: list[Piece] = []  # the last full group: too short a rest may still join it
    group: list[Piece] = []
    aim = _aim(left, min_s, max_s, rng)
    for piece in pieces:
        made, length = _seconds(group), _seconds([piece])
        if length > max_s + SLACK:
            yield [piece]
            continue
        if group and (made + length > max_s or (made >= min_s and made + length / 2 > aim)):
            left -= made
            aim = _aim(left, min_s, max_s, rng)
            if held:
                yield held
            held, group = group, []
        group.append(piece)
    if held and _seconds(group) < min_s and _seconds(held + group) <= max_s:
        held, group = [], held + group
    yield from (each for each in (held, group) if each)


def _aim(left: float, min_s: float, max_s: float, rng: np.random.Generator) -> float:
    """Return the length to aim at with ``left`` seconds to go."""
    if left >= min_s + max_s:
        return float(rng.uniform(min_s, max_s))
    return left if left <= max_s else min(left / 2, max_s)


def _seconds(group: list[Piece]) -> float:
    """Return the length of a group in seconds."""
    return sum(part.end_s - part.start_s for piece in group for part in piece.parts)


def _joined(name: str, label: str, group: list[Piece], limits: tuple[float, float]) -> Clip:
    """Return the clip made of ``group``; what is too short or too long is kept as unused."""
    first = group[0].recording
    spans, at = [], 0.0
    for piece in group:
        spans += [Span(span.start_s + at, span.end_s + at, span.label) for span in piece.spans]
        at += _seconds([piece])
    places = {piece.recording.group for piece in group}
    clip = Clip(
        clip_id=name,
        key=name,
        source_id=list(dict.fromkeys(name for piece in group for name in piece.recording.source_id)),
        parts=[part for piece in group for part in piece.parts],
        duration_s=_seconds(group),
        sample_rate=first.sample_rate,
        channels=first.channels,
        split=first.split,
        labels=[label] if label else [],
        licence="; ".join(sorted({p.recording.licence for p in group if p.recording.licence})),
        origin="; ".join(sorted({p.recording.origin for p in group if p.recording.origin})),
        group=places.pop() if len(places) == 1 else "",
        spans=spans,
    )
    if clip.duration_s < limits[0] - SLACK:
        clip.status, clip.reason = UNUSED, f"rest of {clip.duration_s:.1f} s is shorter than min_s"
    elif clip.duration_s > limits[1] + SLACK:
        clip.status, clip.reason = UNUSED, f"recording of {clip.duration_s:.1f} s is longer than max_s"
    return clip
