"""The order of training samples: a function of the seed alone, so that a position is the number of a step.

Every data set is an endless stream: a shard is drawn (with replacement), its clips come as they lie in it,
one sample per text. Data sets are mixed by chunks of a batch's size; then samples go through a shuffling
buffer, 128 at a time are sorted by length, longest first, and dealt to batches in that order. Specification:
xares_llm, section 2.1; the draws are NumPy's, so the orders of upstream are others of the same kind. Where
a clip's texts stay together, all of this is done with clips in the place of samples.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from earmark.core.errors import UserError
from earmark.core.seeding import generator

T = TypeVar("T")

BUFFER, FILLED = 256, 100
"""Of the shuffling: samples held, and how many of them are there before the first is given."""


@dataclass(frozen=True)
class Clip:
    """A clip that can be used: where its features are, and its texts."""

    shard: str
    key: str
    seconds: float
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A data set that is trained on."""

    name: str
    prompts: tuple[str, ...]
    share: float
    """Of the chunks."""
    shards: tuple[tuple[Clip, ...], ...]


@dataclass(frozen=True)
class Sample:
    """A clip, what is asked about it, and one of its texts."""

    source: str
    clip: Clip
    prompt: str
    text: str


Together = tuple[Sample, ...]
"""What comes into a batch together: one sample, or those of all texts of a clip."""


def mixed(sources: Sequence[Source], chunk: int, seed: int, by_clip: bool = False) -> Iterator[Together]:
    """Yield samples without end, ``chunk`` of one data set after ``chunk`` of another; or clips with theirs.

    Raises:
        UserError: a data set has no clip that can be used.

    """
    for source in sources:
        if not any(clip.texts for shard in source.shards for clip in shard):
            raise UserError(
                f"data set '{source.name}': no training clip that can be used; see the log of its features"
            )
    streams = [_endless(source, generator(seed, "shards", source.name), by_clip) for source in sources]
    drawn = generator(seed, "data sets")
    edges = np.cumsum([source.share for source in sources])
    while True:
        for number in np.searchsorted(edges[:-1], drawn.random(1024), side="right"):
            yield from islice(streams[number], chunk)


def _endless(source: Source, drawn: np.random.Generator, by_clip: bool) -> Iterator[Together]:
    while True:
        for clip in source.shards[int(drawn.integers(len(source.shards)))]:
            samples = [Sample(source.name, clip, _prompt(source, drawn), text) for text in clip.texts]
            if by_clip and samples:
                yield tuple(samples)
            elif not by_clip:
                yield from ((sample,) for sample in samples)


def _prompt(source: Source, drawn: np.random.Generator) -> str:
    if len(source.prompts) == 1:
        return source.prompts[0]
    return source.prompts[int(drawn.integers(len(source.prompts)))]


def shuffled(items: Iterator[T], drawn: np.random.Generator) -> Iterator[T]:
    """Yield items of an endless stream at random out of a buffer that fills up while they come."""
    buffer: list[T] = []
    for item in items:
        buffer.append(item)
        if len(buffer) < BUFFER:
            buffer.append(next(items))
        if len(buffer) >= FILLED:
            place = int(drawn.integers(len(buffer)))
            buffer[place], buffer[-1] = buffer[-1], buffer[place]
            yield buffer.pop()


def batches(
    sources: Sequence[Source],
    size: int,
    bucket: int,
    seed: int,
    tokens: Callable[[Sample], int],
    by_clip: bool = False,
) -> Iterator[list[Sample]]:
    """Yield the batches of a training, without end.

    Args:
        sources: the data sets.
        size: samples in a batch, and of one data set in a row.
        bucket: samples that are sorted by length together; what fills no batch is left out.
        seed: of everything that is drawn.
        tokens: how many a sample's prompt and text are; with its seconds they are its length.
        by_clip: whether size and bucket count clips, each with the samples of all its texts.

    Raises:
        UserError: a data set has no clip that can be used.

    """

    def length(samples: Together) -> float:
        return samples[0].clip.seconds + max(map(tokens, samples))

    items = shuffled(mixed(sources, size, seed, by_clip), generator(seed, "buffer"))
    while True:
        taken = heapq.nlargest(bucket, islice(items, bucket), key=length)
        for first in range(0, bucket - size + 1, size):
            yield [sample for samples in taken[first : first + size] for sample in samples]
