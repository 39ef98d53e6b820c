"""The VESUS parser of the public AudioMarathon code's DART script.

As the second script family's (:mod:`earmark.scoring.parsers.reference_vesus`), but an emotion's own name
counts, and its keywords count for the option that names it. Not for new work: see
:mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers.reference_vesus import vesus


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    return vesus(answer, options, own_name=True)
