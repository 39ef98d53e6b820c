"""What the option parsers of the public AudioMarathon code share: a letter alone, in front, or after a word.

Written from their behaviour, not from their text. Not a parser itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS


def letters_of(options: Sequence[str]) -> str:
    """Return the small letters of some options, as one text."""
    return LETTERS[: len(options)].lower()


def marked(text: str, letters: str, front: str, words: Sequence[str]) -> int | None:
    """Return the option whose letter is all there is, or stands in front with a sign, or behind a word.

    Args:
        text: the reply, stripped and in lower case.
        letters: the options' letters.
        front: the signs that make a letter in front an answer, such as ``.):``.
        words: those that a letter may follow, such as ``option``.

    """
    if text and text in letters and len(text) == 1:
        return letters.index(text)
    if len(text) > 1 and text[0] in letters and text[1] in front:
        return letters.index(text[0])
    found = re.search(rf"\b(?:{'|'.join(words)})\s+([{letters}])\b", text)
    return letters.index(found.group(1)) if found else None
