"""From recordings to clips: taken whole, or recordings of a class joined to long audio.

Only lists are made here, of which stretch of which file goes into a clip; the audio itself is cut
and joined once, when it is packed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from earmark.errors import UserError
from earmark.records import Clip, Part
from earmark.seeding import generator


def segment(recordings: list[Clip], settings: dict[str, dict[str, Any]], seed: int) -> list[Clip]:
    """Return the clips of every split named in ``settings`` (split -> ``kind`` and its options).

    Recordings that failed stay in the list, failed. Recordings of a join that fill no whole clip
    stay as rows with status ``unused``.

    Raises:
        UserError: a split ends up without any clip.

    """
    clips: list[Clip] = []
    for split, options in settings.items():
        chosen = [r for r in recordings if r.split == split]
        usable = [r for r in chosen if r.ok]
        if not usable:
            raise UserError(f"data.segment.{split}: no usable recording of that split")
        clips += [r for r in chosen if not r.ok]
        made = list(_whole(usable) if options["kind"] == "whole" else _join(usable, options, seed))
        if not any(clip.ok for clip in made):
            raise UserError(
                f"data.segment.{split}: no class has {options['min_s']:g} s of audio to join; lower min_s"
            )
        clips += made
    return clips


def slug(text: str) -> str:
    """Return a short name safe in a file, a tar and a shell: letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_-") or "class"


def _whole(recordings: list[Clip]) -> Iterator[Clip]:
    """Yield every recording as a clip of its own."""
    for number, recording in enumerate(recordings):
        recording.key = f"{recording.split}-{number:07d}-{slug(recording.labels[0])}"
        yield recording


def _pieces(recording: Clip, max_s: float) -> Iterator[Part]:
    """Yield the recording in stretches of at most ``max_s`` seconds of about equal length."""
    count = max(1, -int(-recording.duration_s // max_s))
    step = recording.duration_s / count
    for i in range(count):
        yield Part(recording.parts[0].path, i * step, min((i + 1) * step, recording.duration_s))


def _join(recordings: list[Clip], options: dict[str, Any], seed: int) -> Iterator[Clip]:
    """Yield clips of ``min_s`` to ``max_s`` seconds, each joined from recordings of one class.

    Every recording is used once; the order within a class and the lengths depend on the seed and on
    names.
    """
    min_s, max_s = float(options["min_s"]), float(options["max_s"])
    by_class: dict[str, list[Clip]] = defaultdict(list)
    for recording in recordings:
        by_class[recording.labels[0]].append(recording)
    for index, (label, members) in enumerate(sorted(by_class.items())):
        members.sort(key=lambda r: generator(seed, "join", r.clip_id).random())
        parts = [(r, part) for r in members for part in _pieces(r, max_s)]
        rng = generator(seed, "length", members[0].split, label)
        groups = _grouped(parts, min_s, max_s, rng)
        for number, group in enumerate(groups):
            yield _joined(label, index, number, group, min_s)


def _grouped(
    parts: list[tuple[Clip, Part]], min_s: float, max_s: float, rng: np.random.Generator
) -> list[list[tuple[Clip, Part]]]:
    """Cut a sequence of stretches into groups of ``min_s`` to ``max_s`` seconds.

    Each group stops at the stretch that comes closest to the length aimed at: drawn while there is
    plenty left, then what shares out the rest evenly.
    """
    groups: list[list[tuple[Clip, Part]]] = [[]]
    left = _seconds(parts)
    aim = _aim(left, min_s, max_s, rng)
    for recording, part in parts:
        made, length = _seconds(groups[-1]), part.end_s - part.start_s
        if groups[-1] and (made + length > max_s or (made >= min_s and made + length / 2 > aim)):
            left -= made
            aim = _aim(left, min_s, max_s, rng)
            groups.append([])
        groups[-1].append((recording, part))
    if len(groups) > 1 and _seconds(groups[-1]) < min_s and _seconds(groups[-2] + groups[-1]) <= max_s:
        rest = groups.pop()
        groups[-1] += rest
    return groups


def _aim(left: float, min_s: float, max_s: float, rng: np.random.Generator) -> float:
    """Return the length to aim at with ``left`` seconds to go."""
    if left >= min_s + max_s:
        return float(rng.uniform(min_s, max_s))
    return left if left <= max_s else min(left / 2, max_s)


def _seconds(group: list[tuple[Clip, Part]]) -> float:
    """Return the length of a group in seconds."""
    return sum(part.end_s - part.start_s for _, part in group)


def _joined(label: str, index: int, number: int, group: list[tuple[Clip, Part]], min_s: float) -> Clip:
    """Return the clip made of ``group``; too short a rest is kept as unused."""
    first = group[0][0]
    name = f"{first.split}-{index:03d}-{number:05d}-{slug(label)}"
    clip = Clip(
        clip_id=name,
        key=name,
        source_id=list(dict.fromkeys(r.source_id[0] for r, _ in group)),
        parts=[part for _, part in group],
        duration_s=_seconds(group),
        sample_rate=first.sample_rate,
        channels=first.channels,
        split=first.split,
        labels=[label],
        licence="; ".join(sorted({r.licence for r, _ in group if r.licence})),
    )
    if clip.duration_s < min_s - 1e-6:
        clip.status, clip.reason = "unused", f"rest of {clip.duration_s:.1f} s is shorter than min_s"
    return clip
