"""Who is trained on, who chooses the checkpoint, who is tested on: by recording, from the seed."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from earmark.core.errors import UserError, nearest
from earmark.systems.tagging.asked import Choosing
from earmark.systems.tagging.request import WHOLE

TRAIN, VALIDATION, TEST = "train", "validation", "test"


class Placed(Protocol):
    """What is read of a clip; a row of the manifest has it."""

    @property
    def source_id(self) -> Sequence[str]:
        """The original recordings inside."""

    @property
    def group(self) -> str:
        """The fold, where the task has folds."""

    @property
    def split(self) -> str:
        """Where it was packed: train or test."""


def roles(clips: Iterable[Placed], choosing: Choosing, fold: str, seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the positions of the clips that are for ``train``, ``validation`` and ``test``, ascending.

    Tested on are the clips of the fold, whatever split they are packed in, or, where the fold is
    ``all``, those of the split ``test``. Of the other recordings the share ``validation_share`` with
    the smallest hashes of seed and name chooses the checkpoint, or the group ``validation_group`` where
    the data say. Clips of one recording, or of recordings joined to one clip, stay together. Order
    and number of shards change nothing.

    Raises:
        UserError: no clip is left to train on, to choose by or to test on, or a recording would be
            trained and tested on.

    """
    hashes, owners = array("Q"), array("q")
    tested, chooses = bytearray(), bytearray()
    names: dict[int, str] = {}
    groups: set[str] = set()
    for position, clip in enumerate(clips):
        test = is_tested(clip, fold)
        tested.append(test)
        chooses.append(not test and clip.group == choosing.validation_group)
        for source in clip.source_id:
            number = _hash(seed, source)
            hashes.append(number)
            owners.append(position)
            if test:
                names[number] = source
        if len(groups) < 100:
            groups.add(clip.group)
    test_clips = np.frombuffer(tested, dtype=np.uint8).astype(bool)
    if not test_clips.any():
        known = nearest(fold, filter(None, groups))
        missing = f"tagging.folds: no clip has the group '{fold}'; {known}"
        raise UserError(missing if fold != WHOLE else "data: no clip of the split test")
    if test_clips.all():
        raise UserError(
            "data: no clip of the split train; name tagging.folds, or cut clips in data.segment.train"
        )
    numbers = np.frombuffer(hashes, dtype=np.uint64)
    unit = _units(numbers, np.frombuffer(owners, dtype=np.int64), len(test_clips))
    _check_apart(unit, test_clips, numbers, np.frombuffer(owners, dtype=np.int64), names)
    chosen = choosing.validation_group
    if chosen is not None:
        validation = np.frombuffer(chooses, dtype=np.uint8).astype(bool)
        if not validation.any():
            raise UserError(
                f"tagging.validation_group: no clip to train on has the group '{chosen}'; "
                f"{nearest(chosen, filter(None, groups))}"
            )
    else:
        draws = np.full(unit.max() + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
        np.minimum.at(draws, unit[np.frombuffer(owners, dtype=np.int64)], numbers)
        free = np.unique(unit[~test_clips])
        count = max(1, round(choosing.validation_share * len(free)))
        validation = np.isin(unit, free[np.argsort(draws[free], kind="stable")[:count]])
    train = ~test_clips & ~validation
    if not train.any():
        raise UserError("tagging.validation_share: no recording is left to train on; lower it or add some")
    return {
        TRAIN: np.flatnonzero(train),
        VALIDATION: np.flatnonzero(validation),
        TEST: np.flatnonzero(test_clips),
    }


def is_tested(clip: Placed, fold: str) -> bool:
    """Whether a clip is tested on: it is of the fold, or of the split ``test`` where the fold is ``all``."""
    return clip.split == TEST if fold == WHOLE else clip.group == fold


def _hash(seed: int, source: str) -> int:
    """Return eight bytes of a hash: what a recording is known by, and its lot."""
    text = f"{seed}\0validation\0{source}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _units(numbers: NDArray[np.uint64], owners: NDArray[np.int64], clips: int) -> NDArray[np.int64]:
    """Return, per clip, the number of the set of recordings that it hangs together with."""
    _, codes = np.unique(numbers, return_inverse=True)
    size = clips + (int(codes.max()) + 1 if len(codes) else 0)
    links = coo_array((np.ones(len(codes), dtype=np.int8), (owners, clips + codes)), shape=(size, size))
    _, labels = connected_components(links, directed=False)
    return np.asarray(labels[:clips], dtype=np.int64)


def _check_apart(
    unit: NDArray[np.int64],
    tested: NDArray[np.bool_],
    numbers: NDArray[np.uint64],
    owners: NDArray[np.int64],
    names: Mapping[int, str],
) -> None:
    """Refuse a recording that would be trained and tested on."""
    both = np.intersect1d(unit[tested], unit[~tested])
    if len(both):
        inside = np.isin(unit[owners], both) & tested[owners]
        name = names[int(numbers[inside][0])]
        raise UserError(
            f"data: {len(both)} recordings are both trained and tested on (one is '{name[:80]}'); "
            "give all clips of a recording one split or group"
        )
