"""The VESUS parser of the public AudioMarathon code's second script family.

The letter alone or in front with ``.``, ``)`` or ``:``; a letter right after ``option`` or ``choice``; then
a keyword of an emotion that stands both in the reply and in an option. The emotion's own name is none of
its keywords, so a bare ``Sad`` is no answer. Which keywords the public code lists is known from replies
alone; those known are here. Not for new work: see :mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.scoring.parsers.reference_marks import letters_of, marked
from earmark.scoring.question import shown

KEYWORDS = {
    "happy": ("joy", "joyful", "cheerful", "bright"),
    "sad": ("sorrow", "sorrowful", "melancholy"),
    "angry": ("frustrated", "irritated", "rage"),
    "fearful": ("fear", "afraid", "anxious"),
    "monotone": ("flat", "neutral", "calm"),
}


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    return vesus(answer, options, own_name=False)


def vesus(answer: str, options: Sequence[str], own_name: bool) -> int | None:
    """Return the option by the rules that both script families share.

    With ``own_name`` an emotion's keywords, and its name, count for every option that names the emotion;
    without, a keyword has to stand in the option's text too.
    """
    text = answer.strip().lower()
    found = marked(text, letters_of(options), ".):", ("option", "choice"))
    if found is not None or not text:
        return found
    for emotion, words in KEYWORDS.items():
        said = [word for word in ((emotion, *words) if own_name else words) if word in text]
        for index, option in enumerate(options if said else ()):
            named = shown(option).lower()
            if (own_name and emotion in named) or any(word in named for word in said):
                return index
    return None
