"""A text encoder without weights: words by their spelling, for tests and for sets with few names.

Every word and every three letters of it have a random direction of their own, and a text is their sum. So
texts that share words lie near each other, and nothing is known of meanings: a dog is no nearer to barking
than to rain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earmark.core.seeding import generator
from earmark.systems.separation.query.contract import Vectors, unit


@dataclass(frozen=True)
class Spelled:
    """Vectors of ``size`` numbers, a function of the text alone."""

    size: int = 64

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, [texts, size]; no letter at all is a direction, too."""
        return unit(np.stack([self._sum(text) for text in texts]))

    def _sum(self, text: str) -> Vectors:
        parts = [part for word in re.findall(r"\w+", text.lower().replace("_", " ")) for part in _parts(word)]
        return np.asarray(sum(self._direction(part) for part in parts or [""]))

    def _direction(self, part: str) -> Vectors:
        return generator(0, "spelled", part).standard_normal(self.size).astype(np.float32)


def _parts(word: str) -> list[str]:
    """Return a word and its trigrams, its ends marked."""
    marked = f"^{word}$"
    return [word, *(marked[start : start + 3] for start in range(len(marked) - 2))]
