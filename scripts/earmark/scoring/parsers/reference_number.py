"""BLAB's own rule: the first whole number that stands by itself, whatever is around it.

``52:10`` is 52, ``3,130`` is 3, and ``about 2 of the 5 speakers`` is 2. Written from the rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def parse(answer: str, options: Sequence[str] = ()) -> float | None:
    """Return the first number of a reply, or None."""
    match = re.search(r"\b\d+\b", answer)
    return None if match is None else float(match[0])
