"""Ages in a reply, as numbers, words, decades or ranges, and the age group that they lie in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from earmark.scoring.parsers.names import in_words

_WORDS = {in_words(n): n for n in range(1, 100)} | {in_words(n).replace("-", " "): n for n in range(21, 100)}
_NUMBER = r"(?:\d{1,3}|" + "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)) + r")"
_OTHER_UNITS = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|days?|weeks?|months?|times|words|people|children|hz|khz|db)\b"
)
_DECADES = {
    "teens": 13,
    "twenties": 20,
    "thirties": 30,
    "forties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
    "nineties": 90,
}
_PARTS = {"early": (0, 3), "mid": (4, 6), "middle": (4, 6), "late": (7, 9), "": (0, 9)}
_DECADE = re.compile(
    rf"\b(?:(early|mid|middle|late)[\s-]+)?(?:(\d0)'?s|({'|'.join(_DECADES)}))\b", flags=re.IGNORECASE
)
_RANGE = re.compile(rf"\b({_NUMBER})\s*(?:-|to|and|~|至|到)\s*({_NUMBER})\b", flags=re.IGNORECASE)
_OPEN = re.compile(
    rf"\b(?:(over|above|older than|more than|at least)\s+({_NUMBER})"
    rf"|(under|below|younger than|less than)\s+({_NUMBER}))\b"
    rf"|\b({_NUMBER})\s*(?:\+|(?:or|and|years or)\s+(?:older|above|over|more)\b)",
    flags=re.IGNORECASE,
)
_SINGLE = re.compile(
    rf"(?<![\d.])({_NUMBER})(?![\d.]\d|\s*%|[\s-]+{_OTHER_UNITS})(?:[\s-]*(?:years?|yrs?|y/o|岁|歳|años))?",
    flags=re.IGNORECASE,
)
_GROUP = re.compile(
    r"(\d{1,3})\s*-\s*(\d{1,3})|(\d{1,3})\s*\+|(?:over|above)\s+(\d{1,3})|(?:under|below)\s+(\d{1,3})"
)
OLDEST = 120


@dataclass(frozen=True)
class Ages:
    """An inclusive range of years and where the reply says it."""

    low: int
    high: int
    start: int
    end: int


def groups(options: Sequence[str]) -> list[tuple[int, int]] | None:
    """Return the years of every option, or None where the options are no age groups."""
    found = [_GROUP.search(option.replace("\u2013", "-").replace("\u2014", "-")) for option in options]
    if len(options) < 2 or any(match is None for match in found):
        return None
    return [_years(match) for match in found if match]


def _years(match: re.Match[str]) -> tuple[int, int]:
    low, high, plus, over, under = match.groups()
    if low is not None:
        return int(low), int(high)
    if plus is not None:
        return int(plus), OLDEST
    return (int(over) + 1, OLDEST) if over is not None else (0, int(under) - 1)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _WORDS[text.casefold()]


def said(text: str) -> Iterator[Ages]:
    """Yield the ages that a reply names, longest readings first, none of them inside another."""
    taken: list[tuple[int, int]] = []
    for pattern, read in ((_RANGE, _range), (_OPEN, _open), (_DECADE, _decade), (_SINGLE, _single)):
        for match in pattern.finditer(text):
            low, high = read(match)
            if low <= high <= OLDEST and all(match.end() <= a or b <= match.start() for a, b in taken):
                taken.append(match.span())
                yield Ages(low, high, *match.span())


def _range(match: re.Match[str]) -> tuple[int, int]:
    return _number(match[1]), _number(match[2])


def _open(match: re.Match[str]) -> tuple[int, int]:
    if match[1]:
        # "over 71" of a speaker means 71 or more: nobody's age is known to the year.
        return _number(match[2]), OLDEST
    return (0, _number(match[4])) if match[3] else (_number(match[5]), OLDEST)


def _decade(match: re.Match[str]) -> tuple[int, int]:
    start = int(match[2]) if match[2] else _DECADES[match[3].casefold()]
    first, last = _PARTS[(match[1] or "").casefold()]
    return (13, 19) if start == 13 else (start + first, start + last)


def _single(match: re.Match[str]) -> tuple[int, int]:
    return _number(match[1]), _number(match[1])


def group_of(ages: Ages, spans: Sequence[tuple[int, int]]) -> int | None:
    """Return the group in which most of the years said lie (at least three of five), or None.

    Years without an upper end name the oldest group, or none: "over 50" fits two of AudioMarathon's five.
    """
    if ages.high == OLDEST:
        oldest = max(range(len(spans)), key=lambda index: spans[index][1])
        return oldest if ages.low >= spans[oldest][0] - 1 else None
    shares = [max(0, min(ages.high, high) - max(ages.low, low) + 1) for low, high in spans]
    best = max(range(len(spans)), key=shares.__getitem__)
    return best if shares[best] and shares[best] >= 0.6 * sum(shares) else None
