"""Parser of answers that are named: real or fake, male or female, an emotion, an age group.

Accepts what :mod:`earmark.scoring.parsers.letter` does and, beyond it, the short form of an option
(``angry`` of ``angry: a raised voice``, ``31-40`` of ``Early Career (31-40)``), and the age of a speaker.
A name that is negated (``not fake``) is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers.decision import decide
from earmark.scoring.parsers.names import spellings


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer names or marks by its letter, or None."""
    return decide(answer, options, [spellings(option, short=True) for option in options])
