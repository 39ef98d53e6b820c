"""Every plot and table of the page by name, ready to be drawn one by one: a file of JSON lines.

Reading a name costs little, so each file of a plot or table can be a target of its own.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.report.sized import SIZES

KINDS = {
    "plot": (".svg", ".png", ".pdf", *(f"-{size}.{form}" for size in SIZES for form in ("svg", "pdf"))),
    "table": (".md", ".tex"),
}
"""What is exported, and how the names of the files end that each is made as."""

NAMED = 30  # names that a mistake is answered with, the nearest first


def write(plots: Iterable[tuple[str, Any]], tables: Iterable[tuple[str, Any]], output: Path) -> int:
    """Write the content of plots and tables by name, one per line; returns their number.

    A name that comes again gets a number: ``latency``, ``latency-2``. None ends in a plot's size.
    """
    found = [("plot", *each) for each in plots] + [("table", *each) for each in tables]
    taken: dict[tuple[str, str], int] = {}
    with replacing(output) as partial, partial.open("w") as lines:
        for kind, given, content in found:
            name = f"{given}-plot" if given.endswith(tuple(f"-{size}" for size in SIZES)) else given
            taken[kind, name] = times = taken.get((kind, name), 0) + 1
            unique = name if times == 1 else f"{name}-{times}"
            lines.write(json.dumps({"kind": kind, "name": unique, "content": content}) + "\n")
    return len(found)


def names(path: Path, kind: str) -> list[str]:
    """Return the names of the plots or tables of a file that :func:`write` made."""
    with path.open() as lines:
        found = (json.loads(line) for line in lines)
        return [each["name"] for each in found if each["kind"] == kind]


def read(path: Path, kind: str, name: str) -> Any:
    """Return the content of a plot or table.

    Raises:
        UserError: there is none of that name.

    """
    known = names(path, kind)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=NAMED, cutoff=0)
        more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
        there = f"there are: {', '.join(close)}{more}" if known else f"the page has no {kind}"
        raise UserError(f"there is no {kind} {name}; {there}")
    with path.open() as lines:
        found = (json.loads(line) for line in lines)
        return next(each["content"] for each in found if (each["kind"], each["name"]) == (kind, name))
