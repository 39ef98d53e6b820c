"""The transcript clean-up of the public AudioMarathon code: what follows the first known marker.

Not for new work: see :mod:`earmark.scoring.parsers.transcript`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKER = re.compile(r"spoken content:|transcript:|transcription:", flags=re.IGNORECASE)


def parse(answer: str, options: Sequence[str]) -> str | None:
    """Return the transcript by the public rules, or None for an empty one."""
    text = _MARKER.split(answer, maxsplit=1)[-1].replace("<the text>", "")
    return text.strip() or None
