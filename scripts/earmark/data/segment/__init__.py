"""From recordings to clips: taken whole, cut to windows or along a list, or joined to long audio.

Only lists are made here, of which stretch of which file goes into a clip; the audio itself is cut
and joined once, when it is packed. Nothing is dropped in silence: what fills no clip stays in the
list as ``unused``, with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.segment.join import join
from earmark.data.segment.sequence import sequence
from earmark.data.segment.stretches import cut, made, slug

__all__ = ["cut", "segment", "slug"]

Recordings = Callable[[str], Iterable[Clip]]


def segment(recordings: Recordings, settings: dict[str, dict[str, Any]], seed: int) -> Iterator[Clip]:
    """Yield the clips of every split named in ``settings`` (split -> ``kind`` and its options).

    ``recordings`` returns those of a split, each time from the first on. Those that failed come
    first, as they are; what fills no clip is yielded with status ``unused``.

    Raises:
        UserError: a split has no usable recording or ends up without any clip, or its options
            contradict each other.

    """
    for split, options in settings.items():
        where = f"data.segment.{split}"
        if options.get("min", 0) > options.get("max", 0):
            raise UserError(f"{where}: min ({options['min']}) is over max ({options['max']})")
        if options.get("min_s", 0) > options.get("max_s", float("inf")):
            raise UserError(f"{where}: min_s ({options['min_s']:g}) is over max_s ({options['max_s']:g})")
        usable = 0
        for recording in recordings(split):
            usable += recording.ok
            if not recording.ok:
                yield recording
        if not usable:
            raise UserError(f"{where}: no usable recording of that split")
        chosen = (recording for recording in recordings(split) if recording.ok)
        clips, n = _formed(chosen, options, seed), 0
        for clip in clips:
            n += clip.ok
            yield clip
        if not n:
            raise UserError(f"{where}: {_why_none(options)}")


def _formed(recordings: Iterable[Clip], options: dict[str, Any], seed: int) -> Iterator[Clip]:
    """Yield the clips of one split's recordings, as its kind forms them."""
    if options["kind"] == "join":
        return join(recordings, options, seed)
    if options["kind"] == "sequence":
        return sequence(recordings, options, seed)
    return made(recordings, options)


def _why_none(options: dict[str, Any]) -> str:
    """Say why no clip came of a split's recordings."""
    if options["kind"] == "join":
        what = "class has" if options.get("by", "label") == "label" else "class and group have"
        return f"no {what} {options['min_s']:g} s of audio to join; lower min_s"
    if options["kind"] == "sequence":
        return f"no {options['by']} has {options['min']} recordings; lower min"
    if options["kind"] == "windows":
        return f"no recording is {options['window_s']:g} s long; lower window_s or set rest: keep"
    return "the cut list fits none of the recordings; its column file holds their names as in the table"
