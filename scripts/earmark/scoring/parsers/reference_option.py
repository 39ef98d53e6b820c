"""The option-text parser of the public AudioMarathon code (TAU, VESUS).

The letter alone or marked in front, a letter after ``option``, ``choice`` or ``answer``, then the first
option whose text (or its first word, as with VESUS's emotions) stands anywhere in the reply. Not for
new work: see :mod:`earmark.scoring.parsers.letter`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS, shown


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    text = answer.strip().lower()
    letters = LETTERS[: len(options)].lower()
    found = (
        re.fullmatch(rf"([{letters}])", text)
        or re.match(rf"\(?([{letters}])[.):]", text)
        or re.search(rf"(?:option|choice|answer)\s*(?:is|:)?\s*\(?([{letters}])\b", text)
    )
    if found:
        return letters.index(found.group(1))
    for spell in (lambda option: shown(option).lower(), lambda option: shown(option).lower().split()[0]):
        for index, option in enumerate(options):
            if spell(option) in text:
                return index
    return None
