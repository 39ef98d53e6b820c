"""Long audio in overlapping windows, each row of the clip taken from one of them; nothing is cut.

Counted in audio tokens, so that windows start between two of them and their rows join up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A window of a clip, in tokens: it hears ``[start, end)`` and answers for ``[own_start, own_end)``."""

    start: int
    end: int
    own_start: int
    own_end: int


def split(tokens: int, window: int | None, overlap: int) -> list[Window]:
    """Return the windows of a clip of ``tokens`` tokens: of about equal length, at most ``window``.

    Neighbours share at least ``overlap`` tokens; each answers for its half of what they share. Without
    a limit, or within it, the clip is one window.
    """
    if window is None or tokens <= window:
        return [Window(0, tokens, 0, tokens)]
    count = -(-(tokens - overlap) // (window - overlap))
    starts = [(tokens - overlap) * i // count for i in range(count)]
    ends = [start + overlap for start in starts[1:]] + [tokens]
    edges = [0, *(start + overlap // 2 for start in starts[1:]), tokens]
    return [Window(*row) for row in zip(starts, ends, edges[:-1], edges[1:], strict=True)]
