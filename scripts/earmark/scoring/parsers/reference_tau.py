"""The TAU parser of the public AudioMarathon code's second script family (base, random, frame, FastV).

As its DART script's, but a letter counts after ``option`` and ``choice`` only, and where no option stands
in the reply whole, the first one of which two words do is taken. Not for new work: see
:mod:`earmark.scoring.parsers.letter`.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers.reference_tau_dart import tau
from earmark.scoring.question import shown


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    found = tau(answer, options, ("option", "choice"))
    if found is not None:
        return found
    words = set(answer.lower().split())
    shared = (len(words & set(shown(option).lower().split())) for option in options)
    return next((index for index, count in enumerate(shared) if count >= 2), None)
