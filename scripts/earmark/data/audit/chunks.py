"""How a split's shards are dealt to files of fingerprints: dozens to each, so that there are few jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

AT_ONCE = 32
"""Shards of one file."""


def of(shards: Sequence[str], number: int) -> Sequence[str]:
    """Return those of a split's shards that the file of a number is of."""
    return shards[number * AT_ONCE : (number + 1) * AT_ONCE]


def paths(folder: str, shards: Mapping[str, int]) -> Iterator[str]:
    """Yield the path of every file; ``shards`` says how many a split has."""
    for split, number in shards.items():
        files = -(-number // AT_ONCE)
        for file in range(files):
            yield f"{folder}/{split}-{file:05d}-of-{files:05d}.parquet"
