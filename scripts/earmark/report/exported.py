"""Tables as Markdown and LaTeX, for papers and notes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from earmark.report.figures import Cell, Table
from earmark.report.words import DASH, MINUS, NBSP

LATEX = {
    "\\": r"\textbackslash{}",
    **{char: "\\" + char for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    MINUS: "$-$",
    NBSP: "~",
    DASH: "--",
    "\u00d7": r"$\times$",
    "\u2026": r"\ldots{}",
    "\u201c": "``",
    "\u201d": "''",
}
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def plain(table: Table) -> dict[str, Any]:
    """Return what is exported of a table, as JSON."""
    return {
        "title": table.title,
        "columns": list(table.columns),
        "lines": [[cell.text for cell in line] for line in table.lines],
        "notes": list(table.notes),
        "numbers": sorted(table.numbers),
    }


def restored(content: Mapping[str, Any]) -> Table:
    """Return the table that :func:`plain` was made of, without what it is sorted by."""
    lines = [[Cell(text) for text in line] for line in content["lines"]]
    return Table(content["title"], content["columns"], lines, content["notes"], frozenset(content["numbers"]))


def markdown(table: Table) -> str:
    """Return a table in GitHub's Markdown; cells that look like markup stay text."""
    rule = ["---:" if name in table.numbers else "---" for name in table.columns]
    lines = [[_plain(name) for name in table.columns], rule]
    lines += [[_plain(cell.text) for cell in line] for line in table.lines]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "".join(f"\n{_plain(note)}\n" for note in table.notes)
    return f"**{_plain(table.title)}**\n\n{body}\n{notes}"


def latex(table: Table) -> str:
    """Return a table in LaTeX (packages booktabs and, for wide ones, adjustbox of the reader's choice)."""
    columns = "".join("r" if name in table.numbers else "l" for name in table.columns)
    head = " & ".join(_escaped(name) for name in table.columns)
    body = [" & ".join(_escaped(cell.text) for cell in line) + r" \\" for line in table.lines]
    notes = " ".join(_escaped(note) for note in table.notes)
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escaped(table.title)}. {notes}}}".replace(". }", ".}"),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return a text as one Markdown cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", CONTROL.sub(" ", text))


def _escaped(text: str) -> str:
    """Return a text as LaTeX that typesets it."""
    typeset = "".join(LATEX.get(char, char) for char in CONTROL.sub(" ", text))
    # After the end of a row, a bracket or a star would be its argument.
    return f"{{}}{typeset}" if typeset.lstrip().startswith(("[", "*")) else typeset
