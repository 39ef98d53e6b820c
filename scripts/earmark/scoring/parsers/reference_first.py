"""The RACE parser of the public AudioMarathon code: the first option letter anywhere in the reply.

``The answer is C`` is A by it. Not for new work: see :mod:`earmark.scoring.parsers.letter`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the first option letter, capital or not, wherever it stands, or None."""
    letters = LETTERS[: len(options)]
    found = re.search(f"[{letters}]", answer.upper())
    return letters.index(found.group()) if found else None
