"""The HAD parser of the public AudioMarathon code's second script family.

Lower-case rules in turn: the letter alone, in front, at the end, after ``option`` or ``choice``,
between spaces anywhere (so any sentence with the article "a" is the first option), then the label as a
word. Which synonyms of the labels it goes on to isn't known; there are none here. Not for new work: see
:mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.question import LETTERS


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    text = answer.strip().lower()
    letters = LETTERS[: len(options)].lower()
    rules = (
        lambda letter: text == letter,
        lambda letter: re.match(rf"{letter}[.):\s]", text),
        lambda letter: text.endswith(f" {letter}"),
        lambda letter: re.search(rf"(?:option|choice) {letter}\b", text),
        lambda letter: f" {letter} " in text,
    )
    for rule in rules:
        for index, letter in enumerate(letters):
            if rule(letter):
                return index
    for index, option in enumerate(options):
        if re.search(rf"\b{re.escape(option.lower())}\b", text):
            return index
    return None
