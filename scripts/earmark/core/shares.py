"""Equal shares of original recordings, class by class: one is asked about what the others taught."""

from __future__ import annotations

from collections.abc import Iterable

from earmark.core.records import Clip


def shares(clips: Iterable[Clip], of: int) -> dict[str, int]:
    """Return to which of ``of`` shares, from 0, each original recording of some clips belongs.

    Those of a class are dealt out in the order of their names, so the same recordings give the same shares
    whatever clips they are in.
    """
    of_class: dict[str, set[str]] = {}
    for clip in clips:
        of_class.setdefault(" ".join(clip.labels[:1]), set()).update(clip.source_id)
    return {name: number % of for names in of_class.values() for number, name in enumerate(sorted(names))}
