"""What is run in which batch: samples, their windows, and batches of bounded audio.

The plan is a function of the data and the settings alone, so a run that was killed and started
again forms the same batches and gives the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earmark.systems.pruning.samples import Sample


@dataclass(frozen=True)
class Row:
    """One row of a batch: one window of one sample."""

    sample: int
    window: int
    tokens: int


def windows(tokens: int, limit: int, policy: str) -> tuple[tuple[tuple[int, int], ...], bool, str | None]:
    """Apply the long-audio policy; return windows, whether anything was cut, and a failure.

    ``error`` fails what is longer than ``limit`` tokens, ``truncate`` keeps the beginning, ``window``
    cuts the whole into windows of about equal length that are answered one by one.
    """
    if tokens <= limit:
        return ((0, tokens),), False, None
    if policy == "truncate":
        return ((0, limit),), True, None
    if policy == "window":
        count = -(-tokens // limit)
        edges = [round(i * tokens / count) for i in range(count + 1)]
        return tuple(zip(edges[:-1], edges[1:], strict=True)), False, None
    return (), False, "longer than the model's limit (long_audio: error)"


def batches(samples: Sequence[Sample], max_tokens: int) -> list[list[Row]]:
    """Return rows grouped so that rows x longest row stays within ``max_tokens``.

    Longest first, so that a run that will not fit in memory says so at once.
    """
    rows = [
        Row(number, window, end - start)
        for number, sample in enumerate(samples)
        for window, (start, end) in enumerate(sample.windows)
    ]
    rows.sort(key=lambda r: (-r.tokens, samples[r.sample].clip_id, r.window))
    grouped: list[list[Row]] = []
    for row in rows:
        if grouped and (len(grouped[-1]) + 1) * grouped[-1][0].tokens <= max_tokens:
            grouped[-1].append(row)
        else:
            grouped.append([row])
    return grouped
