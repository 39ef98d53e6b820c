"""The VoxCeleb gender parser of the public AudioMarathon code's second script family.

The letter alone, in front or after ``option`` or ``choice``, then the label as a word. Not for new work:
see :mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    text = answer.strip().lower()
    letters = LETTERS[: len(options)].lower()
    found = re.match(rf"([{letters}])(?:$|[.):\s])", text) or re.search(
        rf"(?:option|choice) ([{letters}])\b", text
    )
    if found:
        return letters.index(found.group(1))
    for index, option in enumerate(options):
        if re.search(rf"\b{re.escape(option.lower())}\b", text):
            return index
    return None
