"""Snakemake's errors that a user can mend, each in one line that says how."""

from __future__ import annotations

import re

_OURS = re.compile(
    r"^(?:Mistake(?: in file .*)?:\n|.*\n\s+(?:UserError|Mistake): |.*?\berror: )([^\n]+)", re.DOTALL
)


def in_one_line(text: str) -> str:
    """Return an error's text as one line where it is known, else as it is."""
    if found := _OURS.match(text):
        return f"error: {found[1].strip()}"
    return text
