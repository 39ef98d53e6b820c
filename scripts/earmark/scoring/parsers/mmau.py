"""MMAU's own rule: the words of the right option, and no word that only wrong ones have.

As its evaluation says: texts are sets of lower-case words; a reply is right if all words of
the answer occur in it and no word occurs that is in a wrong option and not in the answer. A parser names
the option a reply chooses, so here that is the one option for which the rule holds; where it holds for
none, or for several whose words lie within each other's, it is the one with the most words, and none on a
tie. Written from the rule, not from the code (Apache-2.0); lmms-eval draws a letter by lot where nothing is
found, which is not done here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the index of the option whose words, and no other option's own, are in the answer."""
    said, each = words(answer), [words(option) for option in options]
    held = [number for number, own in enumerate(each) if own and _holds(said, own, each, number)]
    most = max((len(each[number]) for number in held), default=0)
    best = [number for number in held if len(each[number]) == most]
    return best[0] if len(best) == 1 else None


def _holds(said: set[str], own: set[str], options: Sequence[set[str]], number: int) -> bool:
    others = set().union(*(words_ for index, words_ in enumerate(options) if index != number)) - own
    return own <= said and not said & others


def words(text: str) -> set[str]:
    """Return the words of a text."""
    return set(re.findall(r"\b\w+\b", text.lower()))
