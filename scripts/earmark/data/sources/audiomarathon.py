"""AudioMarathon's ten tasks in the layout of the published data set, from a local folder or the hub.

The published data are test data alone. What an item's answer, question, options and groups are
called in each task's files is in :mod:`earmark.data.sources.audiomarathon_layouts`. A file that is listed
but not there stays in the manifest, failed as ``missing``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from earmark.config.sources.audiomarathon import Source
from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.sources.audiomarathon_layouts import Item, folder_of, items
from earmark.data.sources.recordings import with_headers
from earmark.scoring import groups


def wanted(settings: Source) -> list[str]:
    """Return which files of the hub data set are needed; all of it is near 60 GB."""
    return [f"{folder_of(settings.task)}/*"]


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per item of a task.

    Raises:
        UserError: the folder or a list in it is missing or not what the layout says.

    """
    root = settings.place
    return read(settings.task, root, "test", settings.licence, threads, hub=settings.hub is not None)


def read(
    task: str, root: Path, split: str, licence: str, threads: int = 1, *, hub: bool = False
) -> Iterator[Clip]:
    """Read a task's items below ``root``, as clips of ``split``.

    Raises:
        UserError: the root or a list is missing, is not JSON, or an item lacks a field.

    """
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    yield from with_headers(_clips(task, root, split, licence), root, threads, hub=hub)


def _clips(task: str, root: Path, split: str, licence: str) -> Iterator[Clip]:
    """Yield the items as rows, their files not looked at yet."""
    seen: Counter[str] = Counter()
    for item in items(task, root):
        seen[item.uid] += 1
        again = f"#{seen[item.uid]}" if seen[item.uid] > 1 else ""
        clip = Clip.unread(
            item.audio,
            f"{split}-{item.uid}{again}",
            split,
            [item.label],
            source_id=[f"{split}/{_original(item, root)}"],
            group=groups.joined(item.groups),
            text=item.text,
            options=list(item.options),
            licence=licence,
        )
        if item.failure:
            clip.fail(item.failure)
        yield clip


def _original(item: Item, root: Path) -> str:
    """Return what must not be in two splits: the speaker where known, else the file.

    Each split has a root of its own, so a file's name alone may stand for two recordings.
    """
    speaker = item.groups.get("speaker")
    return f"speaker {speaker}" if speaker else item.audio.relative_to(root).as_posix()
