"""The transcript clean-up of the public AudioMarathon code's DART script: then, the longest line.

Quotation marks around it go too. Not for new work: see :mod:`earmark.scoring.parsers.transcript`.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers import reference_transcript


def parse(answer: str, options: Sequence[str]) -> str | None:
    """Return the transcript by the public rules, or None for an empty one."""
    text = reference_transcript.parse(answer, options) or ""
    longest = max((line.strip().strip("\"'\u201c\u201d") for line in text.splitlines()), key=len, default="")
    return longest.strip() or None
