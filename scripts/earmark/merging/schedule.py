"""How many tokens each layer is asked to merge, as file names spell it, and what the grid of tokens allows.

Light, since it is imported when the workflow is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from earmark.core.errors import UserError, nearest

PROTECTED = 2
"""AST's class and distillation tokens: what the head reads, at places 0 and 1; they are never merged."""

_SPELLING = re.compile(r"(0|[1-9][0-9]*)([di]?)")
_INFLECTION = {"": 0, "d": -1, "i": 1}


@dataclass(frozen=True)
class Schedule:
    """Tokens merged per layer; ``name`` is what stands after the r of a file name.

    ``listed`` holds the numbers of a schedule that is listed by config, one per layer, missing ones 0;
    otherwise ``r`` is the mean and ``inflection`` -1, 0 or 1 for falling, constant or rising.
    """

    name: str
    r: int = 0
    inflection: int = 0
    listed: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, name: str, listed: Mapping[str, Sequence[int]]) -> Schedule:
        """Read ``16``, ``16d`` (falling), ``16i`` (rising) or a name among ``listed``; raises UserError."""
        if name in listed:
            return cls(name, listed=tuple(listed[name]))
        found = _SPELLING.fullmatch(name)
        if found is None or name in ("0d", "0i"):
            raise UserError(
                f"unknown merging schedule '{name}'; write 16 (tokens per layer), 16d (falling), "
                f"16i (rising), or a name in tagging.schedules: {nearest(name, list(listed))}"
            )
        return cls(name, int(found[1]), _INFLECTION[found[2]])

    def per_layer(self, layers: int) -> list[int]:
        """Return the tokens to merge in each of ``layers`` layers, before any limit.

        A ramp goes in a straight line from ``r (1 - i)`` in the first layer to ``r (1 + i)`` in the last,
        each value truncated (specification 1.3).
        """
        if self.listed is not None:
            return [*self.listed, *[0] * layers][:layers]
        low = int(self.r * (1 - self.inflection))
        high = 2 * self.r - low
        step = (high - low) / (layers - 1) if layers > 1 else 0.0
        return [int(low + step * layer) for layer in range(layers)]


@dataclass(frozen=True)
class Clamped:
    """What a schedule comes to on a number of tokens.

    ``merged[l]`` tokens vanish in layer ``l``, which was asked for ``asked[l]``; ``tokens`` has one entry
    more: what goes into each layer, and what leaves the last.
    """

    asked: list[int]
    merged: list[int]
    tokens: list[int]

    @property
    def clamped_layers(self) -> list[int]:
        """The layers that merge less than they were asked to."""
        return [layer for layer, (a, m) in enumerate(zip(self.asked, self.merged, strict=True)) if m < a]


def mergeable(r: int, tokens: int, protected: int) -> int:
    """Return how many of ``r`` can be merged: at most half of the unprotected tokens (specification 1.2)."""
    return max(0, min(r, (tokens - protected) // 2))


def clamp(asked: Sequence[int], tokens: int, protected: int) -> Clamped:
    """Return what can be merged in each layer of a model that starts with ``tokens``."""
    merged, counts = [], [tokens]
    for r in asked:
        merged.append(mergeable(r, counts[-1], protected))
        counts.append(counts[-1] - merged[-1])
    return Clamped(list(asked), merged, counts)
