"""The letter parser of the public AudioMarathon code, its errors included, to reproduce its scores.

After the exact and the word-boundary letter, ANY option letter anywhere in the reply counts, so
``fake`` and ``female`` are A. Not for new work: see :mod:`earmark.scoring.parsers.letter`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the first option letter by the public rules, or None."""
    text, letters = answer.strip().upper(), LETTERS[: len(options)]
    if text and text[0] in letters and len(text) <= 3:
        return letters.index(text[0])
    found = re.search(rf"\b[{letters}]\b", text) or re.search(f"[{letters}]", text)
    return letters.index(found.group()) if found else None
