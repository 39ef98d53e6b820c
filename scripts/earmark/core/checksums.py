"""Checksums of what files say, not of how long it took to make them: the same wherever they are made again.

An index carries them in its metadata, so that what is made from many shards reads no more than that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from earmark.core.errors import UserError
from earmark.core.files import Json, sha256
from earmark.core.progress import tqdm
from earmark.core.records import NOT_PARQUET, Clip

CLIPS, STATES, ORIGINS = "clips_sha256", "states_sha256", "origins"
LARGE = 1 << 30
"""Bytes that take long enough to be read for a word about it."""


class Clips:
    """A digest of clips, taken as they go by: which, of what audio, with which labels and text."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._origins: set[str] = set()

    def add(self, clip: Clip) -> None:
        """Take the next clip in."""
        said = [clip.clip_id, clip.key, clip.sha256, clip.status, clip.labels, clip.text, clip.group]
        self._digest.update(json.dumps(said).encode() + b"\n")
        if clip.origin.startswith("hub:"):
            self._origins.add(clip.origin)

    def metadata(self, states: Path) -> dict[str, str]:
        """Return what an index says of its clips and of the finished file of ``states`` beside it."""
        return {
            CLIPS: self._digest.hexdigest(),
            STATES: sha256(states),
            ORIGINS: json.dumps(sorted(self._origins)),
        }


def metadata(index: Path) -> dict[str, str]:
    """Return what an index says of itself; raises UserError if it is none."""
    try:
        found = pq.read_metadata(index).metadata or {}
    except (*NOT_PARQUET, OSError) as error:
        raise UserError(f"{index} is damaged ({error}); delete it to make it again") from None
    return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}


def verify(files: Sequence[Path], indexes: Sequence[Path]) -> None:
    """Compare files with what their indexes recorded when they were written, every byte.

    An index that says nothing of its file (another program's) is no reason to refuse it.

    Raises:
        UserError: a file is missing or holds other bytes; says how to make it again.

    """
    if not indexes:
        return
    try:
        total = sum(path.stat().st_size for path in files)
        quiet = total < LARGE or None
        with tqdm(total=total, desc="checking files", unit="B", unit_scale=True, disable=quiet) as bar:
            for path, index in zip(files, indexes, strict=True):
                expected = metadata(index).get(STATES)
                if expected is not None and sha256(path, bar.update) != expected:
                    raise UserError(
                        f"{path} holds other bytes than its index {index.name} recorded: it was changed "
                        f"or is damaged; delete {path} to make it again"
                    )
    except OSError as error:
        why = f"{error.filename} cannot be read ({error.strerror})"
        raise UserError(f"{why}; delete it to make it again") from None


def of_indexes(indexes: Sequence[Path]) -> Json:
    """Return one digest of the clips and one of the states over shards, and the hub commits they are from.

    What not all indexes say (they may be another program's) is left out. Raises UserError for a damaged one.
    """
    found = [metadata(path) for path in indexes]
    known = [key for key in (CLIPS, STATES, ORIGINS) if all(key in each for each in found)]
    return {
        key: sorted({origin for each in found for origin in json.loads(each[key])})
        if key == ORIGINS
        else folded(each[key] for each in found)
        for key in known
    }


def folded(digests: Iterable[str]) -> str:
    """Return one digest over several, in their order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
