"""Parser of multiple-choice answers: finds the option a reply chooses.

Strict enough that ``The answer is C`` isn't A and ``female`` isn't A: a letter counts only where it
stands as a letter. What names no option, or more than one, is unparsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.tasks.question import LETTERS, shown


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer chooses, or None.

    Tried in turn: the whole answer is a letter; it opens with a marked letter (``B.``, ``(b)``,
    ``b: jazz``); a letter follows ``answer``/``option``/``choice``; it is or contains the text of
    exactly one option; exactly one option letter stands in it as a capital word of its own.
    """
    text = answer.strip()
    letters = LETTERS[: len(options)]
    group = f"[{letters}{letters.lower()}]"
    for pattern in (
        rf"^\W*({group})\W*$",
        rf"^\W*({group})\s*[.):\]]",
        rf"\b(?:answer|option|choice)\b(?:\s+(?:is|would be))?\s*[:\-]?\s*"
        rf"[\"'(\[*]*({group})\b(?!['\w])(?!\s+[a-z])",
    ):
        found = {match.upper() for match in re.findall(pattern, text, flags=re.IGNORECASE)}
        if len(found) == 1:
            return letters.index(found.pop())
    named = _named(text, options)
    if named:
        return named[0] if len(named) == 1 else None
    # "A" opening a sentence is an article unless nothing but punctuation follows it.
    alone = set(re.findall(rf"(?<![\w'])([{letters}])(?![\w'])(?!\s+(?!or\b|and\b)[a-z])", text))
    return letters.index(alone.pop()) if len(alone) == 1 else None


def _named(text: str, options: Sequence[str]) -> list[int]:
    """Return the options whose text stands in the answer as whole words.

    An option inside a longer one that also stands there (``music`` in ``folk music``) doesn't count.
    """
    folded = " ".join(text.casefold().split())
    spans = []
    for index, option in enumerate(options):
        name = re.escape(" ".join(shown(option).casefold().split()))
        spans += [(m.start(), m.end(), index) for m in re.finditer(rf"(?<!\w){name}(?!\w)", folded)]
    longest = [
        (start, end, index)
        for start, end, index in spans
        if not any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in spans)
    ]
    return sorted({index for _, _, index in longest})
