"""AudioMarathon's ten tasks from a local folder in the layout of the published data set.

The published data are test data alone. What an item's answer, question, options and groups are
called in each task's files is in :mod:`earmark.sources.audiomarathon_layouts`. A file that is listed
but not there stays in the manifest, failed as ``missing``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from earmark.audio import AudioError, Header, probe
from earmark.errors import UserError
from earmark.files import sha256
from earmark.records import Clip, Part
from earmark.sources.audiomarathon_layouts import Item, items
from earmark.tasks import groups


def collect(settings: dict[str, Any], folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per item of a task.

    ``settings``: ``task``, ``root`` (the data set's folder), ``licence``.

    Raises:
        UserError: the folder or a list in it is missing or not what the layout says.

    """
    return read(settings["task"], Path(settings["root"]).expanduser(), "test", settings.get("licence", ""))


def read(task: str, root: Path, split: str, licence: str) -> Iterator[Clip]:
    """Read a task's items below ``root``, as clips of ``split``.

    Raises:
        UserError: the root or a list is missing, is not JSON, or an item lacks a field.

    """
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    seen: Counter[str] = Counter()
    last: tuple[Path, Header, str] | None = None
    for item in tqdm(items(task, root), desc=f"reading headers ({split})", unit="file", mininterval=1.0):
        seen[item.uid] += 1
        again = f"#{seen[item.uid]}" if seen[item.uid] > 1 else ""
        clip = _row(item, root, f"{split}-{item.uid}{again}", split, licence)
        try:
            if item.failure:
                raise AudioError(item.failure)
            # The lists are not ours, so their names may not lead out; links in the folder are the user's.
            if not Path(os.path.normpath(item.audio)).is_relative_to(os.path.normpath(root)):
                raise AudioError("leads out of the folder")
            # Several questions on one recording follow each other: it is read once.
            if last is None or last[0] != item.audio:
                last = item.audio, probe(item.audio), sha256(item.audio)
            _, header, digest = last
        except AudioError as error:
            clip.fail(str(error))
        else:
            clip.parts = [Part(str(item.audio), 0.0, header.duration_s)]
            clip.duration_s, clip.sample_rate = header.duration_s, header.sample_rate
            clip.channels, clip.sha256 = header.channels, digest
        yield clip


def _row(item: Item, root: Path, clip_id: str, split: str, licence: str) -> Clip:
    """Return an item's row before its audio is looked at."""
    # Each split has a root of its own, so a file's name alone may stand for two recordings. Where the
    # speaker is known, nothing of one speaker may be in two splits.
    speaker = item.groups.get("speaker")
    source = f"speaker {speaker}" if speaker else item.audio.relative_to(root).as_posix()
    return Clip(
        clip_id=clip_id,
        source_id=[f"{split}/{source}"],
        parts=[Part(str(item.audio), 0.0, 0.0)],
        duration_s=0.0,
        sample_rate=0,
        channels=0,
        split=split,
        labels=[item.label],
        group=groups.joined(item.groups),
        text=item.text,
        options=list(item.options),
        licence=licence,
    )
