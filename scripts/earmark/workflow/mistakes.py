"""Snakemake's errors that a user can mend, each in one line that says how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from earmark.core import syntax

_OURS = re.compile(
    r"^(?:Mistake(?: in file .*)?:\n|.*\n\s+(?:UserError|Mistake): |.*?\berror: )([^\n]+)", re.DOTALL
)
_NO_PYTHON = re.compile(r'(?:Syntax|Indentation|Tab)Error in file "(/.+\.py)", line (\d+):\n(.+?):\n')
_SKEW = re.compile(
    r"Output (?P<output>.+?) has older modification time \(.*?\) than input (?P<input>.+?) "
    r"\((?P<date>[\d: -]+)[\d.]*\)\. This could indicate a clock skew"
)
_FULL = re.compile(r"\[Errno (?:28|122)\]|No space left on device")
_CLOSED = re.compile(r"\[Errno (?:13|30)\] (?P<why>[^:\n]+): '(?P<path>[^'\n]+)'")
NO_ROOM = (
    "error: no space left on the disk; free some space and run the same command again: finished work is kept"
)
AGAIN = "Finished work is kept: run the same command again to go on from there."
ONCE_MENDED = "Finished work is kept: the same command goes on from there once this is mended."


def in_one_line(text: str) -> str:
    """Return an error's text as one line where it is known, else as it is."""
    if found := _OURS.match(text):
        return f"error: {found[1].strip()}"
    if found := _NO_PYTHON.match(text):
        return f"error: {syntax.wrong(*found.groups())}"
    return of_the_machine(text) or text


def of_the_machine(text: str) -> str:
    """Return the line for what is wrong with the disk or the clock; nothing for any other error."""
    if skew := _SKEW.search(text):
        return (
            f"error: {skew['input']} is dated {skew['date']}, ahead of this machine's clock, so what is made "
            f"from it looks old and {skew['output']} was removed; set the clock right or `touch` the "
            "file, then run the same command"
        )
    if _FULL.search(text):
        return NO_ROOM
    if closed := _CLOSED.search(text):
        return (
            f"error: {closed['path']} cannot be written ({closed['why'].lower()}); make it writable, or keep "
            "data and results elsewhere with --directory"
        )
    return ""


def advice(logs: Sequence[str]) -> str:
    """Return what to do after a run that failed, by its logs."""
    said = "".join(path.read_text(errors="replace") for path in map(Path, logs) if path.is_file())
    return ONCE_MENDED if _SKEW.search(said) or _CLOSED.search(said) else AGAIN
