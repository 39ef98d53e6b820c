"""Braces in names of files: ``a_{0..2}.tar`` is three names. Light: the workflow reads it as it is parsed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from braceexpand import braceexpand

from earmark.core.errors import UserError

NAMES_MAX = 100_000


def expanded(patterns: Sequence[str], where: str) -> list[str]:
    """Return patterns with their braces expanded: ``a_{0..2}.tar`` is three names.

    Raises:
        UserError: braces that don't match, or far too many names.

    """
    for low, high in re.findall(r"\{(\d+)\.\.(\d+)", " ".join(patterns)):
        # Asked first: the library makes a whole range at once.
        if abs(int(high) - int(low)) >= NAMES_MAX:
            raise UserError(f"{where}: the braces stand for more than {NAMES_MAX} names")
    try:
        found = list(
            itertools.islice(
                itertools.chain.from_iterable(braceexpand(pattern) for pattern in patterns), NAMES_MAX + 1
            )
        )
    except ValueError:
        raise UserError(f"{where}: a brace is not closed in {', '.join(patterns)}") from None
    if len(found) > NAMES_MAX:
        raise UserError(f"{where}: the braces stand for more than {NAMES_MAX} names")
    return list(dict.fromkeys(found))
