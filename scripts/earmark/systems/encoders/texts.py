"""What a sample's JSON says: its texts, one training sample each, and which of them are too odd to be used.

Specification: xares_llm, sections 2.1 and 3.4, corrected by its section 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FALLBACK = ("captions", "caption", "text")
"""Fields that are looked at when none of the configured ones has a text."""

MOST_MARKS = 3
LONG, FEW = 10, 4


class Unlabelled(Exception):
    """A sample without a usable text; says why."""


def fields(key: str | None) -> list[str]:
    """Return the fields that are looked at, in order; blanks around ``;`` belong to a name, as upstream."""
    return [*(key.split(";") if key else ()), *FALLBACK]


def texts_of(sample: Mapping[str, Any], key: str | None) -> list[str]:
    """Return the texts of a sample.

    The first field that holds a text, a number or a list that is not empty counts. Numbers become Python's
    text of them, in lists too, where upstream crashes. An empty text is a text.

    Raises:
        Unlabelled: no field has one, or a list holds something that is none.

    """
    for field in fields(key):
        value = sample.get(field)
        if isinstance(value, str | int | float):
            return [str(value)]
        if isinstance(value, list) and value:
            odd = next((item for item in value if not isinstance(item, str | int | float)), None)
            if odd is not None or None in value:
                raise Unlabelled(f"bad label ('{field}' holds a {type(odd).__name__})")
            return [str(item) for item in value]
    raise Unlabelled(f"no label (none of {', '.join(dict.fromkeys(fields(key)))})")


def is_corrupt(text: str) -> bool:
    """Whether a text is dropped, in training and evaluation.

    That is: more than three combining accents of their own, more than half of its characters neither letters
    nor digits, or more than ten characters of fewer than four kinds.
    """
    if not text:
        return False
    marks = sum("\u0301" <= sign <= "\u036f" for sign in text)
    odd = sum(not sign.isalnum() for sign in text)
    return marks > MOST_MARKS or odd > len(text) / 2 or (len(text) > LONG and len(set(text)) < FEW)
