"""From recordings to clips: taken whole, cut to windows or along a list, or joined to long audio.

Only lists are made here, of which stretch of which file goes into a clip; the audio itself is cut
and joined once, when it is packed. Nothing is dropped in silence: what fills no clip stays in the
list as ``unused``, with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from earmark.config.forming import Forming
from earmark.config.values import Split
from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.segment.join import join
from earmark.data.segment.sequence import sequence
from earmark.data.segment.stretches import cut, made, slug

__all__ = ["cut", "segment", "slug"]

Recordings = Callable[[str], Iterable[Clip]]


def segment(recordings: Recordings, forms: Mapping[Split, Forming], seed: int) -> Iterator[Clip]:
    """Yield the clips of every split that ``forms`` says how to form.

    ``recordings`` returns those of a split, each time from the first on. Those that failed come
    first, as they are; what fills no clip is yielded with status ``unused``.

    Raises:
        UserError: a split has no usable recording or ends up without any clip, or its options
            contradict each other.

    """
    for split, form in forms.items():
        where = f"data.segment.{split}"
        if form.kind == "sequence" and form.min > form.max:
            raise UserError(f"{where}: min ({form.min}) is over max ({form.max})")
        if form.kind == "join" and form.min_s > form.max_s:
            raise UserError(f"{where}: min_s ({form.min_s:g}) is over max_s ({form.max_s:g})")
        usable = 0
        for recording in recordings(split):
            usable += recording.ok
            if not recording.ok:
                yield recording
        if not usable:
            raise UserError(f"{where}: no usable recording of that split")
        chosen = (recording for recording in recordings(split) if recording.ok)
        clips, n = _formed(chosen, form, seed), 0
        for clip in clips:
            n += clip.ok
            yield clip
        if not n:
            raise UserError(f"{where}: {_why_none(form)}")


def _formed(recordings: Iterable[Clip], form: Forming, seed: int) -> Iterator[Clip]:
    """Yield the clips of one split's recordings, as its kind forms them."""
    if form.kind == "join":
        return join(recordings, form, seed)
    if form.kind == "sequence":
        return sequence(recordings, form, seed)
    return made(recordings, form)


def _why_none(form: Forming) -> str:
    """Say why no clip came of a split's recordings."""
    if form.kind == "join":
        what = "class has" if form.by == "label" else "class and group have"
        return f"no {what} {form.min_s:g} s of audio to join; lower min_s"
    if form.kind == "sequence":
        return f"no {form.by} has {form.min} recordings; lower min"
    if form.kind == "windows":
        return f"no recording is {form.window_s:g} s long; lower window_s or set rest: keep"
    return "the cut list fits none of the recordings; its column file holds their names as in the table"
