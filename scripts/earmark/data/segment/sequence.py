"""Recordings of one class, or of one speaker, one after the other: digits to be read out in order.

Each pass over the recordings deals them out in another order, so that a small corpus gives many sequences;
of one pass every recording is in at most one. What a pass leaves over is too few for a sequence and waits
for the next pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from earmark.config.forming import Sequence
from earmark.core.records import Clip
from earmark.core.seeding import generator
from earmark.core.shares import shares
from earmark.data.segment.stretches import slug


def sequence(recordings: Iterable[Clip], form: Sequence, seed: int) -> Iterator[Clip]:
    """Yield clips of ``min`` to ``max`` recordings with the same ``by`` (``label`` or ``group``).

    ``passes``: how often each recording is dealt out. ``folds``: shares of a class that are never mixed. The
    clip's text is that of its recordings in their order, its label the one they share, if they do. Order and
    lengths follow from the seed and names alone.
    """
    least, most = form.min, form.max
    members: dict[str, list[Clip]] = defaultdict(list)
    for name, recording in _named(recordings, form):
        members[name].append(recording)
    for name, own in sorted(members.items()):
        own.sort(key=lambda recording: recording.clip_id)
        number = 0
        for turn in range(form.passes):
            rng = generator(seed, "sequence", own[0].split, name, str(turn))
            left = [own[i] for i in rng.permutation(len(own))]
            while len(left) >= least:
                count = min(int(rng.integers(least, most + 1)), len(left))
                chosen, left = left[:count], left[count:]
                yield _joined(f"{own[0].split}-{slug(name)}-{number:05d}", chosen)
                number += 1


def _named(recordings: Iterable[Clip], form: Sequence) -> Iterator[tuple[str, Clip]]:
    """Yield each recording with the name of those it may be joined with."""
    if form.folds is None:
        yield from ((each.group if form.by == "group" else each.labels[0], each) for each in recordings)
        return
    every = list(recordings)
    share = shares(every, form.folds)
    yield from ((f"{each.labels[0]}-{share[each.source_id[0]] + 1}", each) for each in every)


def _joined(name: str, members: list[Clip]) -> Clip:
    """Return the clip made of recordings in their order."""
    first = members[0]
    labels, groups = {m.labels[0] for m in members if m.labels}, {m.group for m in members}
    return Clip(
        clip_id=name,
        key=name,
        source_id=list(dict.fromkeys(source for member in members for source in member.source_id)),
        parts=[part for member in members for part in member.parts],
        duration_s=sum(member.duration_s for member in members),
        sample_rate=first.sample_rate,
        channels=first.channels,
        split=first.split,
        labels=[labels.pop()] if len(labels) == 1 else [],
        text=" ".join(member.text for member in members if member.text),
        licence="; ".join(sorted({member.licence for member in members if member.licence})),
        origin="; ".join(sorted({member.origin for member in members if member.origin})),
        group=groups.pop() if len(groups) == 1 else "",
    )
