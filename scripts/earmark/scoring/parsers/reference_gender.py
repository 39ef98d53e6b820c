"""The VoxCeleb gender parser of the public AudioMarathon code's second script family.

The letter alone or in brackets, in front with ``.`` or ``)``, or after ``option`` or ``choice``; then the
label as a word, ``female`` first. Not for new work: see :mod:`earmark.scoring.parsers.label`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.parsers.reference_marks import letters_of, marked


def parse(answer: str, options: Sequence[str]) -> int | None:
    """Return the option by the public rules, or None."""
    text, letters = answer.strip().lower(), letters_of(options)
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    found = marked(bare, letters, ".)", ("option", "choice"))
    if found is not None:
        return found
    for index in sorted(range(len(options)), key=lambda i: -len(options[i])):
        if re.search(rf"\b{re.escape(options[index].lower())}\b", text):
            return index
    return None
