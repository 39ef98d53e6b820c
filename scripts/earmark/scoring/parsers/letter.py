"""Parser of multiple-choice answers: the option that a reply chooses, by its letter or by its text.

Strict where a careful reader is: ``The answer is C`` isn't A, ``female`` isn't A, options read back or two
of them without a decision are no answer (:mod:`earmark.scoring.parsers.decision` has the rules).
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers.decision import decide
from earmark.scoring.parsers.names import spellings


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer chooses, or None."""
    return decide(answer, options, [spellings(option, short=False) for option in options])
