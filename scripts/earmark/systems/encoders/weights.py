"""How often each data set is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from earmark.systems.encoders.blocks import Block


def shares(blocks: Sequence[Block], shards: Sequence[int]) -> list[float]:
    """Return each data set's share of the chunks, given how many shards each has.

    Its weight is ``prob``, or else its share of all shards; weights are divided by their sum.
    """
    every = sum(shards)
    weights = [
        count / every if block.prob is None else block.prob
        for block, count in zip(blocks, shards, strict=True)
    ]
    return [weight / sum(weights) for weight in weights]
