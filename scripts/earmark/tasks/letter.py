"""Parser of multiple-choice answers: finds the option a reply chooses.

Strict enough that ``The answer is C`` isn't A and ``female`` isn't A: a letter counts only where it
stands as a letter. What names no option, or more than one, or declines to answer, is unparsed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from earmark.tasks.question import LETTERS, shown

# A letter may stand right beside Chinese, Japanese or Korean signs, which write no spaces.
_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
_BEFORE, _AFTER = rf"(?<!{_WORD})(?<!')", rf"(?!{_WORD})(?!')"
_REFUSAL = re.compile(
    r"\b(?:sorry|apologi[sz]e|unable|cannot|can ?not|can't|could not|couldn't|not able|"
    r"don't know|do not know|not sure|no way to (?:tell|know))\b"
)


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer chooses, or None.

    Tried in turn: see :func:`marked`; then, unless the reply declines to answer, it is or contains the
    text of exactly one option; exactly one option letter stands in it as a capital word of its own.
    """
    text = plain(answer)
    found = marked(text, options)
    if found is not None:
        return found
    if declines(text):
        return None
    named = mentioned(text, [[shown(option)] for option in options])
    if named:
        return named[0] if len(named) == 1 else None
    return alone(text, options)


def plain(answer: str) -> str:
    """Return a reply with full-width letters and curly apostrophes made plain."""
    return unicodedata.normalize("NFKC", answer).replace("\u2019", "'").strip()


def marked(text: str, options: Sequence[str]) -> int | None:
    """Return the option whose letter is marked as the answer, or None.

    The whole reply is a letter; it opens with a marked letter (``B.``, ``(b)``, ``b: jazz``); a letter
    follows ``answer``, ``option`` or ``choice``.
    """
    letters = LETTERS[: len(options)]
    group = f"[{letters}{letters.lower()}]"
    for pattern in (
        rf"^\W*({group})\W*$",
        rf"^\W*({group})\s*[.):\]]",
        rf"\b(?:answer|option|choice)\b(?:\s+(?:is|would be))?\s*[:\-]?\s*"
        rf"[\"'(\[*]*({group})\b(?!['\w])(?!\s+[a-z])",
    ):
        found = {match.upper() for match in re.findall(pattern, text, flags=re.IGNORECASE)}
        if len(found) == 1:
            return letters.index(found.pop())
    return None


def declines(text: str) -> bool:
    """Say whether a reply says that it can't answer."""
    return _REFUSAL.search(text.casefold()) is not None


def alone(text: str, options: Sequence[str]) -> int | None:
    """Return the option whose letter is the only one to stand in the reply as a word, or None.

    "A" opening a sentence is an article unless nothing but punctuation follows it.
    """
    letters = LETTERS[: len(options)]
    found = set(re.findall(rf"(?<!\bnot ){_BEFORE}([{letters}]){_AFTER}(?!\s+(?!or\b|and\b)[a-z])", text))
    return letters.index(found.pop()) if len(found) == 1 else None


def mentioned(text: str, names: Sequence[Sequence[str]]) -> list[int]:
    """Return the options of which one of the names stands in the reply as whole words.

    A name inside a longer one that also stands there (``music`` in ``folk music``) doesn't count.
    """
    folded = " ".join(text.casefold().split())
    spans = []
    for index, spellings in enumerate(names):
        for spelling in spellings:
            name = re.escape(" ".join(spelling.casefold().split()))
            pattern = rf"(?<!{_WORD}){name}(?!{_WORD})" if name else r"(?!)"
            spans += [(m.start(), m.end(), index) for m in re.finditer(pattern, folded)]
    longest = [
        (start, end, index)
        for start, end, index in spans
        if not any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in spans)
    ]
    return sorted({index for _, _, index in longest})
