"""What the doctor found, as text: aligned, readable without colours, within the width of a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from earmark.core.files import Json

MARKS = {"ok": ("ok", "32"), "note": ("--", "33"), "missing": ("!!", "31")}
NAME = 16
LONGEST = 12
"""Entries out of reach that are listed one by one."""


def text(record: Json, *, colours: bool) -> str:
    """Return the page for a record of config/schemas/doctor.schema.json."""
    width = min(110, max(60, shutil.get_terminal_size().columns))
    lines: list[str] = []
    for area in dict.fromkeys(check["area"] for check in record["checks"]):
        lines += ["", area]
        for check in record["checks"]:
            if check["area"] == area:
                lines += _check(check, width, colours)
    lines += ["", *_entries(record["unreachable"], width, colours)]
    lines += ["", *_estimate(record["asked"], record["estimate"], record["disk"], width)]
    return "\n".join([*lines[1:], "", _verdict(record, colours)])


def _paint(words: str, code: str, colours: bool) -> str:
    return f"\x1b[{code}m{words}\x1b[0m" if colours else words


def _wrapped(words: str, width: int, indent: int) -> list[str]:
    """Break words into lines that start at ``indent``."""
    clean = "".join(c if c.isprintable() else " " for c in words)
    return textwrap.wrap(clean, width - indent, break_on_hyphens=False, break_long_words=False) or [""]


def _check(check: Json, width: int, colours: bool) -> list[str]:
    mark, code = MARKS[check["status"]]
    indent = 5 + NAME
    words = check["found"] + (f" -> {check['fix']}" if check["fix"] else "")
    first, *rest = _wrapped(words, width, indent)
    head = f"  {_paint(mark, code, colours)} {check['name']:<{NAME}}{first}"
    return [head, *(" " * indent + line for line in rest)]


def _entries(entries: Sequence[Json], width: int, colours: bool) -> list[str]:
    """Return the entries out of reach, those with the same reason together."""
    if not entries:
        return ["every entry of the configuration can be reached, as far as this tells"]
    lines = ["out of reach"]
    groups: dict[tuple[Any, ...], list[str]] = {}
    for entry in entries:
        groups.setdefault((entry["needed"], entry["what"], entry["why"], entry["fix"]), []).append(
            entry["key"]
        )
    ordered = sorted(groups.items(), key=lambda item: not item[0][0])
    for (needed, what, why, fix), keys in ordered[:LONGEST]:
        mark, code = MARKS["missing" if needed else "note"]
        words = f"{', '.join(keys)}: {what}: {why}" + (f" -> {fix}" if fix else "")
        first, *rest = _wrapped(words, width, 5)
        lines += [f"  {_paint(mark, code, colours)} {first}", *(" " * 5 + line for line in rest)]
    if len(ordered) > LONGEST:
        lines.append(f"     and {len(ordered) - LONGEST} more, in results/doctor.json")
    return lines


def _estimate(asked: str, found: Json, disk: Json, width: int) -> list[str]:
    """Return what is still to be done, about how long it takes, and the disk."""
    lines = [f"what it takes: {asked}"]
    if found["jobs"]:
        said = ", ".join(f"{n} {basis}" for basis, n in found["basis"].items())
        rough = "; guesses may be several times off" if "guessed" in found["basis"] else ""
        took, needed, free = duration(found["seconds"]), size(found["bytes"]), size(disk["free"])
        said_lines = [
            f"{found['jobs']} jobs to do, {found['done']} done",
            f"{took} of one core or GPU (times: {said}{rough})",
            f"{needed} of disk; {free} are free in {disk['folder']}",
        ]
        lines += [f"     {line}" for one in said_lines for line in _wrapped(one, width, 5)]
    else:
        lines.append(f"     nothing to do as far as files tell ({found['done']} jobs are done)")
        lines.append(f"     {size(disk['free'])} of disk are free in {disk['folder']}")
    if found["unknown"]:
        left_out = f"not counted: {'; '.join(found['unknown'])}"
        lines += [f"     {line}" for line in _wrapped(left_out, width, 5)]
    return lines


def _verdict(record: Json, colours: bool) -> str:
    if record["ok"]:
        return _paint(f"ready for {record['asked']}", "32", colours)
    return _paint(f"not ready for {record['asked']}: see the lines marked !!", "31", colours)


def duration(seconds: float) -> str:
    """Return a time as people say it, with no more digits than an estimate has."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"about {seconds / length:.0f} {unit}"
    return "about a minute" if seconds >= 45 else "seconds"


def size(count: float) -> str:
    """Return bytes as people say them."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.{1 if count < 10 * factor else 0}f} {unit}"
    return f"{count / 1e3:.0f} kB"
