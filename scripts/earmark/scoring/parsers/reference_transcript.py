"""The transcript clean-up of the public AudioMarathon code.

What stands between the first known marker and the next one; a known lead-in in front, square or angled
brackets around the whole and the placeholder of the prompt go; what is shorter than two characters is
empty. Not for new work: see :mod:`earmark.scoring.parsers.transcript`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKER = re.compile(r"(?:spoken content|transcript|transcription|content|output)\s*:", flags=re.IGNORECASE)
_PLACEHOLDER = re.compile(r"<(?:the text|transcribed text(?: here)?)>", flags=re.IGNORECASE)
_LEAD_IN = re.compile(
    r"^(?:the (?:audio|speaker|recording) says|i (?:can )?hear)\s*:?\s*", flags=re.IGNORECASE
)


def parse(answer: str, options: Sequence[str]) -> str | None:
    """Return the transcript by the public rules, or None for an empty one."""
    parts = _MARKER.split(answer, maxsplit=2)
    text = parts[1] if len(parts) > 1 else parts[0]
    text = _LEAD_IN.sub("", _PLACEHOLDER.sub("", text).strip()).strip()
    if len(text) > 1 and text[0] + text[-1] in ("[]", "<>"):
        text = text[1:-1].strip()
    return text if len(text) > 1 else None
