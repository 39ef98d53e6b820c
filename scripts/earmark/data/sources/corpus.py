"""What the readers of raw corpora share: files named in settings, rows of recordings, their splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from earmark.audio.waveform import AudioError
from earmark.config.source import Rooted
from earmark.core.errors import UserError
from earmark.core.records import Clip, Span
from earmark.core.seeding import generator
from earmark.data.sources.recordings import END_SLACK_S, contain, shown, with_headers


def root_of(settings: Rooted) -> Path:
    """Return the corpus's folder; raises UserError if there is none."""
    root = settings.place
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    return root


def file_of(settings: Rooted, key: str, name: str) -> Path:
    """Return the file that ``key`` of the settings names; UserError if it isn't there or not below root."""
    root = root_of(settings)
    path = root / name
    try:
        contain(root, path, hub=settings.hub is not None)
    except AudioError as error:
        raise UserError(f"data.source.{key}: '{name}': {error}; name a file below {root}") from None
    if not path.is_file():
        raise UserError(f"data.source.{key}: there is no file {path}")
    return path


def side(group: str, test_share: float, seed: int) -> str:
    """Return the split of a group (a speaker, a place): a draw from the seed and its name."""
    return "test" if generator(seed, "split", group).random() < test_share else "train"


def recording(settings: Rooted, licence: str, path: Path, label: str, group: str, split: str) -> Clip:
    """Return a row for the file at ``path``, its header not yet read; what is named is only named."""
    root = root_of(settings)
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return Clip.unread(path, name, split, [shown(label)], licence=licence, group=shown(group))


def completed(settings: Rooted, clips: Iterable[Clip], threads: int) -> Iterator[Clip]:
    """Yield the rows with what their files' headers say, failed where a file can't be used.

    Spans are held against the duration: what overhangs by rounding is cut, more is a failure.
    """
    for clip in with_headers(clips, root_of(settings), threads, hub=settings.hub is not None):
        if clip.ok and clip.spans:
            last = max(span.end_s for span in clip.spans)
            if last > clip.duration_s + END_SLACK_S:
                clip.fail(f"annotation outside the recording ({last:.2f} s of {clip.duration_s:.2f} s)")
            clip.spans = [
                Span(span.start_s, min(span.end_s, clip.duration_s), span.label)
                for span in clip.spans
                if span.start_s < clip.duration_s
            ]
        yield clip
