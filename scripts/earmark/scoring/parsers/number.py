"""Parser of numbers: the one number that a reply names, or the one it decides on.

``52:10`` and ``52 minutes and 10 seconds`` are 3130 seconds, ``3,130`` has a thousand's comma, ``four`` is a
number. Of several numbers the last that follows a word of decision counts (answer, total, altogether, a
sign of equality); several without one are no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from earmark.scoring.parsers.names import in_words
from earmark.scoring.parsers.text import without_thinking

WORDS = {in_words(number): number for number in range(100)}
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_WORD = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
_ONE = rf"(?:{_DIGITS}|\b(?:{_WORD})\b)"
_UNITS = {"h": 3600, "m": 60, "s": 1}
_CLOCK = r"(?<![\d:])(?:(\d+):)?(\d{1,3}):(\d{2})(?![\d:])"
_SPAN = rf"(?:{_ONE}\s*(?:hours?|hrs?|minutes?|mins?|seconds?|secs?|[hms])\b(?:\s*(?:and|,)?\s*)?){{1,3}}"
_NUMBER = re.compile(rf"{_CLOCK}|({_SPAN})|({_ONE})", flags=re.IGNORECASE)
_PART = re.compile(rf"({_ONE})\s*([hms])", flags=re.IGNORECASE)
_DECIDED = re.compile(r"\b(?:answer|total|altogether|overall|in all)\b|=", flags=re.IGNORECASE)


def parse(answer: str, options: Sequence[str] = ()) -> float | None:
    """Return the number that a reply names, durations in seconds; None for none or for several."""
    text = without_thinking(answer)
    found = list(_numbers(text))
    marks = [match.end() for match in _DECIDED.finditer(text)]
    behind = [number for place, number in found if marks and place >= marks[-1]]
    decided = behind[:1] or [number for _, number in found]
    return decided[0] if len(set(decided)) == 1 else None


def _numbers(text: str) -> Iterator[tuple[int, float]]:
    """Yield each number with the place where it stands."""
    for match in _NUMBER.finditer(text):
        hours, minutes, seconds, span, one = match.groups()
        if seconds is not None:
            yield match.start(), 3600.0 * int(hours or 0) + 60 * int(minutes) + int(seconds)
        elif span is not None:
            yield match.start(), sum(_value(n) * _UNITS[unit.lower()] for n, unit in _PART.findall(span))
        else:
            yield match.start(), _value(one)


def _value(text: str) -> float:
    plain = text.lower()
    return float(WORDS[plain]) if plain in WORDS else float(plain.replace(",", ""))
