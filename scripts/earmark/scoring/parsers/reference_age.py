"""The VoxCeleb age parser of the public AudioMarathon code.

The letter alone, marked in front or at the end; the only option letter that stands as a word, the article
"a" among them; a letter after ``option``, ``choice`` or ``answer``; the one label that stands in full in
the reply. Not for new work: see :mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS, shown


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    text = answer.strip().lower()
    letters = LETTERS[: len(options)].lower()
    found = re.match(rf"\(?([{letters}])(?:$|[.):])", text) or re.search(rf" ([{letters}])$", text)
    words = set(re.findall(rf"\b([{letters}])\b", text))
    if not found and len(words) == 1:
        return letters.index(words.pop())
    found = found or re.search(rf"(?:option|choice|answer)\s*(?:is|:)?\s*\(?([{letters}])\b", text)
    if found:
        return letters.index(found.group(1))
    named = [index for index, option in enumerate(options) if shown(option).lower() in text]
    return named[0] if len(named) == 1 else None
