"""Parser of multiple-choice answers: finds the option a reply chooses.

Strict enough that ``The answer is C`` isn't A and ``female`` isn't A: a letter counts only where it
stands as a letter. What names no option, or more than one, or only says what it is not, or declines to
answer, is unparsed; so are the options read back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from earmark.scoring.question import LETTERS, shown

# A letter may stand right beside Chinese, Japanese or Korean signs, which write no spaces.
_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
_BEFORE, _AFTER = rf"(?<!{_WORD})(?<!['/])", rf"(?!{_WORD})(?!['/])"  # N/A is no letter
_NEGATION = re.compile(
    r"(?:\b(?:not|neither|nor|no)|n't)\s+(?:(?:really|actually|quite)\s+)?(?:(?:an?|the|option|choose|select|pick)\s+)?$"
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_REFUSAL = re.compile(
    r"\b(?:sorry|apologi[sz]e|unable|cannot|can ?not|can't|could not|couldn't|not able|"
    r"don't know|do not know|not sure|no way to (?:tell|know))\b"
)


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option the answer chooses, or None.

    Tried in turn: see :func:`marked`; then, unless the reply declines to answer, it is or contains the
    text of exactly one option; exactly one option letter stands in it as a capital word of its own.
    """
    return chosen(answer, options, [[shown(option)] for option in options])


def chosen(answer: str, options: Sequence[str], names: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the option that a reply marks, names by one of its ``names``, or has alone."""
    text = plain(answer)
    found = marked(text, options)
    if found is not None:
        return found
    named, rest = mentioned(text, names)
    if declines(rest):
        return None
    if named:
        return named[0] if len(named) == 1 else None
    return alone(rest, options)


def plain(answer: str) -> str:
    """Return a text with full-width letters, curly apostrophes and all dashes made plain."""
    return unicodedata.normalize("NFKC", answer).replace("\u2019", "'").translate(_DASHES).strip()


def marked(text: str, options: Sequence[str]) -> int | None:
    """Return the option whose letter is marked as the answer, or None.

    The whole reply is a letter; it opens with a marked letter (``B.``, ``(b)``, ``b: jazz``) and neither
    goes on with others alone nor reads all options back; a letter follows ``answer``, ``option``,
    ``choice`` or ``choose``.
    """
    letters = LETTERS[: len(options)]
    group = f"[{letters}{letters.lower()}]"
    opening = [rf"^\W*({group})\W*$", rf"^\W*({group})\s*[.):\]]"]
    in_turn = re.findall(rf"(?:^|\s)\W*({group})\s*[.):\]]", text)
    bare = re.fullmatch(rf"(?:\W*\b(?:{group}|and|or)\b)+\W*", text, flags=re.IGNORECASE)
    several = bare and len({m.upper() for m in re.findall(rf"\b{group}\b", text)}) > 1
    if several or "".join(in_turn).upper() == letters:
        opening = []
    for pattern in (
        *opening,
        rf"(?<!\bnot )\b(?:answer|option|choice|choose|select|pick)\b(?:\s+(?:is|would be))?\s*[:\-]?\s*"
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
    pattern = rf"{_BEFORE}([{letters}]){_AFTER}(?!\s+(?!or\b|and\b)[a-z])"
    found = {m.group(1) for m in re.finditer(pattern, text) if not negated(text, m.start())}
    return letters.index(found.pop()) if len(found) == 1 else None


def negated(text: str, start: int) -> bool:
    """Say whether what begins at ``start`` is only said not to be so: ``not jazz``, ``isn't a``."""
    return _NEGATION.search(text[:start].casefold()) is not None


def mentioned(text: str, names: Sequence[Sequence[str]]) -> tuple[list[int], str]:
    """Return the options of which a name stands in the reply as whole words, and the reply without names.

    A name inside a longer one that also stands there (``music`` in ``folk music``) doesn't count, nor
    does one that is negated. Points at the end of a name are not part of it.
    """
    folded, spans = " ".join(text.replace("_", " ").split()), []
    for index, spellings in enumerate(names):
        for spelling in spellings:
            name = re.escape(" ".join(plain(spelling).split()).rstrip(".,;:!?"))
            pattern = rf"(?<!{_WORD}){name}(?!{_WORD})" if name else r"(?!)"
            spans += [(m.start(), m.end(), index) for m in re.finditer(pattern, folded, flags=re.IGNORECASE)]
    longest = [
        (start, end, index)
        for start, end, index in spans
        if not any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in spans)
    ]
    rest = list(folded)
    for start, end, _ in longest:
        rest[start:end] = " " * (end - start)
    named = {index for start, _, index in longest if not negated(folded, start)}
    return sorted(named), "".join(rest)
