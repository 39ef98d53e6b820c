"""Parser of transcripts: the reply without what models put in front of the words.

One known lead-in (``Spoken Content:``, ``Here is the transcript:``) is taken off, once and only at the
beginning, and one pair of quotation marks around the whole. Nothing else is touched: what a model adds
beyond that is an insertion and counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LEAD_IN = re.compile(
    r"^\W*(?:(?:sure|certainly|okay)\W+)?(?:here(?:'s| is| are)\s+)?(?:the\s+)?"
    r"(?:(?:spoken|audio)\s+(?:content|text|words)|transcript(?:ion)?|(?:the\s+)?(?:speaker|audio)\s+says)"
    r"(?:\s+(?:of\s+the\s+(?:audio|recording)|is))?\s*:\**\s*",
    flags=re.IGNORECASE,
)
_QUOTES = {'"': '"', "\u201c": "\u201d", "'": "'", "\u300c": "\u300d"}


def parse(answer: str, options: Sequence[str]) -> str | None:
    """Return the transcript, or None for a reply without any word; ``options`` are not looked at."""
    text = _LEAD_IN.sub("", answer.strip(), count=1).strip()
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text if re.search(r"\w", text) else None
