"""The errors a user can mend, and how they are worded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from earmark.core.addresses import masked


class UserError(Exception):
    """A mistake a user can mend: one line saying what, where and how to mend it.

    Scripts print it without a traceback and exit with status 1. Passwords in addresses are masked.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(masked(str(message)))


class AudioError(Exception):
    """A file that cannot be used; its text is the reason kept in the manifest, ``code (details)``."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the known name closest to ``name``, or all of them if none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "none is configured"
