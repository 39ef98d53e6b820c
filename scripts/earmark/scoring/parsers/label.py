"""Parser of answers that are named: real or fake, male or female, an emotion, an age group.

Accepts what :mod:`earmark.scoring.parsers.letter` does and, beyond it, the short form of an option
(``angry`` of ``angry: a raised voice``, ``31-40`` of ``Early Career (31-40)``) and common other words for
it. A name that is negated (``not fake``) is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.parsers.letter import chosen, plain
from earmark.scoring.question import shown

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


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer names or marks by its letter, or None."""
    return chosen(answer, options, [_names(option) for option in options])


def _names(option: str) -> list[str]:
    """Return the spellings of an option: in full, without its gloss, what stands in brackets."""
    head = plain(re.split(r"\s*[(:;,\u2014]|\s+[-\u2013]\s+", shown(option))[0])
    text = plain(shown(option))
    inside = re.findall(r"\(([^()]+)\)", text)
    ranges = [name.replace("-", between) for name in inside for between in (" to ", " and ")]
    spellings = [text, head, *inside, *ranges]
    return [name for name in [*spellings, *OTHER_WORDS.get(head.casefold(), ())] if name]
