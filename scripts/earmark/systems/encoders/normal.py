"""How texts are made alike before they are compared. Specification: xares_llm, section 4."""

from __future__ import annotations

import string
import unicodedata

_WITHOUT = str.maketrans("", "", string.punctuation)


def normalised(text: str, *, punctuation: bool = False) -> str:
    """Return a text in lower case, hyphens as blanks, blanks collapsed.

    ASCII punctuation goes, apostrophes and underscores too, unless ``punctuation`` stays.
    """
    plain = unicodedata.normalize("NFKC", text).lower().replace("-", " ")
    return " ".join((plain if punctuation else plain.translate(_WITHOUT)).split())


def labels(text: str, separator: str) -> list[str]:
    """Return the labels of a text; blanks around a label are part of it, as upstream."""
    return normalised(text, punctuation=True).split(separator)
