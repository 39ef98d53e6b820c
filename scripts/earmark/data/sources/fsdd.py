"""The Free Spoken Digit Dataset: one English digit a file, named ``digit_speaker_take``.

From github.com/Jakobovski/free-spoken-digit-dataset, or any folder of files with these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from earmark.config.sources.fsdd import Source
from earmark.core.errors import UserError, nearest
from earmark.core.records import Clip
from earmark.data.sources.recordings import SUFFIXES, with_headers

NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.\w+")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LICENCE = "CC-BY-SA-4.0"


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording, by name: the word is label and text, the speaker the group.

    Raises:
        UserError: the folder is missing, or a speaker is not there or in two splits.
    """
    root = settings.place
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}")
    splits: dict[str, str] = {}
    for split, speakers in settings.speakers.items():
        for speaker in speakers:
            if speaker in splits:
                raise UserError(f"data.source.speakers: '{speaker}' is in {splits[speaker]} and in {split}")
            splits[speaker] = split
    files = _files(root)
    there = {match["speaker"] for match, _ in files}
    for speaker in splits:
        if speaker not in there:
            raise UserError(f"data.source.speakers: {root} has no '{speaker}'; {nearest(speaker, there)}")
    clips = (
        Clip.unread(
            path,
            path.relative_to(root).as_posix(),
            splits[match["speaker"]],
            [WORDS[int(match["digit"])]],
            text=WORDS[int(match["digit"])],
            group=match["speaker"],
            licence=LICENCE,
        )
        for match, path in files
        if match["speaker"] in splits
    )
    yield from with_headers(clips, root, threads)


def _files(root: Path) -> list[tuple[re.Match[str], Path]]:
    """Return the recordings below a folder with what their names say, by path."""
    named = ((NAME.fullmatch(path.name), path) for path in sorted(root.rglob("*")))
    return [(match, path) for match, path in named if match and path.suffix.lower() in SUFFIXES]
