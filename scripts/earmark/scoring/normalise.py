"""What counts as the same word: transcripts are normalised alike on both sides before they are compared.

``plain`` is the default. The two others are those of the public AudioMarathon code, to compare with its
figures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable


def plain(text: str) -> list[str]:
    """Return the words: NFKC, lower case, apostrophes kept inside words, all other signs parting words.

    Numbers stay as written: ``20`` and ``twenty`` are two words. So do spellings and fillers.
    """
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    words = re.sub(r"[^\w']|_", " ", unicodedata.normalize("NFC", folded)).split()
    return [word for word in (word.strip("'") for word in words) if word]


def reference_dart(text: str) -> list[str]:
    """Return upper-case words as spaces part them; punctuation stays and makes other words."""
    return text.upper().split()


def reference_others(text: str) -> list[str]:
    """Return lower-case words, hyphens and apostrophes removed, other punctuation parting words."""
    joined = re.sub(r"[-'\u2019]", "", text.lower())
    return re.sub(r"[^\w\s]", " ", joined).split()


NORMALISERS: dict[str, Callable[[str], list[str]]] = {
    "plain": plain,
    "reference_dart": reference_dart,
    "reference_others": reference_others,
}
