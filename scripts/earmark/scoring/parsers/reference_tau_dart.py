"""The TAU parser of the public AudioMarathon code's DART script.

The letter alone or in front with ``.``, ``)`` or ``:``; a letter right after ``option``, ``choice`` or
``answer`` (so ``The answer is B`` is none); then the first option whose whole text stands in the reply.
Not for new work: see :mod:`earmark.scoring.parsers.letter`.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers.reference_marks import letters_of, marked
from earmark.scoring.question import shown


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    return tau(answer, options, ("option", "choice", "answer"))


def tau(answer: str, options: Sequence[str], words: Sequence[str]) -> int | None:
    """Return the option by the rules that both script families share."""
    text = answer.strip().lower()
    found = marked(text, letters_of(options), ".):", words)
    if found is not None or not text:
        return found
    return next((index for index, option in enumerate(options) if shown(option).lower() in text), None)
