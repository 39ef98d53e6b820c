"""What counts as the same word: transcripts are normalised alike on both sides before they are compared.

``plain`` is the default, for any language. ``whisper_english`` is the normaliser of Whisper's English
results, which most published word error rates of English go through. The two others are those of the
public AudioMarathon code, to compare with its figures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache


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
    """Return lower-case words without hyphens and apostrophes; ``.!?,;:``, quotes and brackets part them."""
    joined = re.sub(r"[-'\u2019]", "", text.lower())
    return re.sub(r"[.!?,;:\"\u201c\u201d()\[\]{}]", " ", joined).split()


@cache
def _whisper() -> Callable[[str], str]:
    """Return Whisper's English normaliser; loaded once, and only where a task asks for it."""
    from whisper_normalizer.english import EnglishTextNormalizer

    normalise: Callable[[str], str] = EnglishTextNormalizer()
    return normalise


def whisper_english(text: str) -> list[str]:
    """Return the words by Whisper's rules: spelling made American, numbers as digits, fillers left out.

    Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (arXiv 2212.04356), app. C.
    """
    return _whisper()(text).split()


NORMALISERS: dict[str, Callable[[str], list[str]]] = {
    "plain": plain,
    "whisper_english": whisper_english,
    "reference_dart": reference_dart,
    "reference_others": reference_others,
}
