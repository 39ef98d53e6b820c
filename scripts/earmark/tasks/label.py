"""Parser of answers that are named: real or fake, male or female, an emotion, an age group.

Accepts what :mod:`earmark.tasks.letter` does and, beyond it, the short form of an option (``angry`` of
``angry: a raised voice``, ``31-40`` of ``Early Career (31-40)``) and common other words for it. A name
that is negated (``not fake``) is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.tasks.letter import alone, declines, marked, mentioned, plain
from earmark.tasks.question import shown

OTHER_WORDS = {
    "male": ("man", "masculine"),
    "female": ("woman", "feminine"),
    "real": ("genuine", "authentic"),
    "fake": ("spoofed", "synthetic", "forged", "manipulated"),
    "monotone": ("neutral",),
    "fearful": ("fear", "afraid", "scared"),
    "angry": ("anger",),
    "happy": ("happiness",),
    "sad": ("sadness",),
}
_NEGATED = re.compile(r"\b(?:not|isn't|is not|neither|nor|no)\s+(?:an?\s+|the\s+)?([\w-]+)")


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer names or marks by its letter, or None."""
    text = plain(answer)
    found = marked(text, options)
    if found is not None:
        return found
    if declines(text):
        return None
    named = mentioned(_NEGATED.sub(" ", text.casefold()), [_names(option) for option in options])
    if named:
        return named[0] if len(named) == 1 else None
    return alone(text, options)


def _names(option: str) -> list[str]:
    """Return the spellings of an option: in full, without its gloss, what stands in brackets."""
    text = shown(option)
    head = re.split(r"\s*[(:;,\u2013\u2014]|\s+-\s+", text)[0].strip()
    inside = re.findall(r"\(([^()]+)\)", text)
    spellings = [text, head, *inside, *(name.replace("-", " to ") for name in inside)]
    return [name for name in [*spellings, *OTHER_WORDS.get(head.casefold(), ())] if name]
