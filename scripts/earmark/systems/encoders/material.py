"""What a training or an evaluation is given of its shards: clips that can be used, and why others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.scoring.record import Failure
from earmark.systems.encoders import store
from earmark.systems.encoders.order import Clip
from earmark.systems.encoders.origin import Origin
from earmark.systems.encoders.texts import Unlabelled, is_corrupt, texts_of


@dataclass(frozen=True)
class Material:
    """The clips of a data set's shards."""

    shards: tuple[tuple[Clip, ...], ...]
    """Those that can be used, by shard, in the order of the tars; texts that are too odd are left out."""
    failures: tuple[Failure, ...]
    total: int
    dropped: int
    """Texts that were left out."""
    encoders: frozenset[str]
    """Digests of the encoders that made the features."""
    origins: Mapping[str, Origin]
    """Where the shards came from, by name."""

    @property
    def clips(self) -> list[Clip]:
        """All of them."""
        return [clip for shard in self.shards for clip in shard]


def read(folder: Path, shards: Sequence[str], key: str | None) -> Material:
    """Return a data set's material; ``key`` names the fields of its texts.

    Raises:
        UserError: an index is damaged.

    """
    found, failures, total, dropped, encoders = [], [], 0, 0, set()
    origins = {}
    for name in shards:
        index = store.read(folder, name)
        encoders.add(index.made.get("encoder", ""))
        origins[name] = Origin(index.made.get("sha256", ""), index.made.get("commit", ""))
        usable = []
        for row in index.rows:
            total += 1
            try:
                if row.reason:
                    raise Unlabelled(row.reason)
                texts = texts_of(row.sample, key)
            except Unlabelled as reason:
                failures.append(Failure(f"{name}/{row.key}", str(reason)))
                continue
            good = tuple(text for text in texts if not is_corrupt(text))
            dropped += len(texts) - len(good)
            if good:
                usable.append(Clip(name, row.key, row.seconds, good))
        found.append(tuple(usable))
    return Material(tuple(found), tuple(failures), total, dropped, frozenset(encoders), origins)
