"""The HAD parser of the public AudioMarathon code's second script family.

Lower-case rules in turn: the letter alone or in brackets, in front with ``.`` or ``)``, at the end, after
``option`` or ``choice``, between spaces anywhere (so a sentence with the article "a" inside is the first
option); then the one label that stands as a word, and the known other words for the labels. Not for new
work: see :mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.parsers.reference_marks import letters_of

OTHER_WORDS = {"real": ("genuine", "authentic"), "fake": ("synthetic", "artificial", "synthesized")}


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    text, letters = answer.strip().lower(), letters_of(options)
    rules = (
        lambda letter: text in (letter, f"({letter})"),
        lambda letter: text.startswith((f"{letter}.", f"{letter})")),
        lambda letter: text.endswith(f" {letter}"),
        lambda letter: re.search(rf"(?:option|choice) {letter}\b", text),
        lambda letter: f" {letter} " in text,
    )
    for rule in rules:
        for index, letter in enumerate(letters):
            if rule(letter):
                return index
    labels = [[option.lower()] for option in options]
    for words in (labels, [OTHER_WORDS.get(option.lower(), ()) for option in options]):
        said = [
            i for i, each in enumerate(words) if any(re.search(rf"\b{re.escape(w)}\b", text) for w in each)
        ]
        if said:
            return said[0] if len(said) == 1 else None
    return None
