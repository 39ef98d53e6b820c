"""Tables as Markdown and LaTeX, for papers and notes."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from pydantic import TypeAdapter

from earmark.report.figures import Cell, Table
from earmark.report.words import DASH, MINUS, NBSP

LATEX = {
    "\\": r"\textbackslash{}",
    **{char: "\\" + char for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    MINUS: "$-$",
    NBSP: "~",
    DASH: "--",
    "\u00d7": r"$\times$",
    "\u00b5": r"$\mu$",
    "\u03bc": r"$\mu$",
    "\u0394": r"$\Delta$",
    "\u2032": "$'$",
    "\u2192": r"$\to$",
    "\u2248": r"$\approx$",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u2026": r"\ldots{}",
    "\u201c": "``",
    "\u201d": "''",
}
BEYOND = "% Has letters that pdfLaTeX does not know: XeLaTeX or LuaLaTeX, and a font that has them."
KNOWN = "\u0180"  # the letters before this one, pdfLaTeX knows
BESIDE = 0.75  # how wide a letter of what stands beside a text is
COLUMN, PAGE = 48, 105  # letters that a column of two, and both, have room for
SIZES = (r"\footnotesize", r"\scriptsize", r"\tiny")
LARGEST = PAGE * 8 / 7  # ... in the second size
TOO_WIDE = "% Wider than a page: choose columns (table.py --columns, or report.columns in the config)."
STORED = TypeAdapter(Table)


def plain(table: Table) -> Any:
    """Return what is exported of a table, as JSON; :func:`restored` gives the table back."""
    return STORED.dump_python(table, mode="json", exclude={"marks"}, exclude_defaults=True)


def restored(content: Any) -> Table:
    """Return the table that :func:`plain` was made of, without what the page's filters go by."""
    return STORED.validate_python(content)


def markdown(table: Table) -> str:
    """Return a table in GitHub's Markdown; cells that look like markup stay text."""
    rule = ["---:" if name in table.numbers else "---" for name in table.columns]
    lines = [[_plain(name) for name in table.columns], rule]
    lines += [[_marked(cell) for cell in line] for line in table.lines]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "".join(f"\n{_plain(note)}\n" for note in table.notes)
    across = f" Columns: {table.across}." if table.across else ""
    return f"{_plain(_caption(table) + across)}\n\n{body}\n{notes}"


def latex(table: Table) -> str:
    """Return a table in LaTeX, for which the package booktabs is needed.

    A table too wide for one column of two takes both (``table*``). Notes are comments: what of them a paper
    has to say is its author's to decide.
    """
    columns = "".join("r" if name in table.numbers else "l" for name in table.columns)
    head = " & ".join(_escaped(name) for name in table.columns)
    width = _width(table)
    size, small = SIZES[:2] if width <= PAGE else SIZES[1:]
    body = [" & ".join(_typeset(cell, small) for cell in line) + r" \\" for line in table.lines]
    place = "table*" if width > COLUMN else "table"
    lines = [
        rf"\begin{{{place}}}",
        r"\centering",
        rf"\caption{{{_escaped(_caption(table))}}}",
        size,
        r"\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        *_spanned(table),
        rf"{head} \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        rf"\end{{{place}}}",
        *([TOO_WIDE] if width > LARGEST else []),
        *(f"% {_cleaned(note)}" for note in table.notes),
    ]
    text = "\n".join(lines) + "\n"
    return f"{BEYOND}\n{text}" if any(char >= KNOWN for char in text) else text


def _spanned(table: Table) -> list[str]:
    """Return the line above the headings that says what they are."""
    last = len(table.columns)
    if not table.across or last < 2:
        return []
    return [
        rf"& \multicolumn{{{last - 1}}}{{c}}{{{_escaped(table.across)}}} \\",
        rf"\cmidrule(l){{2-{last}}}",
    ]


def _caption(table: Table) -> str:
    return table.caption or f"{table.title}."


def _width(table: Table) -> float:
    """Return about how many letters a line has."""
    widths = [[len(name) for name in table.columns]]
    widths += [[len(cell.text) + int(BESIDE * len(cell.beside)) for cell in line] for line in table.lines]
    return sum(max(column) + 2 for column in zip(*widths, strict=True))


def _cleaned(text: str) -> str:
    """Return a text on one line, without characters that are seen by nobody or turn what follows round."""
    kinds = ((char, unicodedata.category(char)) for char in text)
    return "".join(" " if kind in ("Cc", "Zl", "Zp") else char for char, kind in kinds if kind != "Cf")


def _marked(cell: Cell) -> str:
    """Return a cell in Markdown."""
    text = f"**{_plain(cell.text)}**" if cell.strong else _plain(cell.text)
    return f"{text} {_plain(cell.beside)}" if cell.beside else text


def _typeset(cell: Cell, small: str) -> str:
    """Return a cell in LaTeX; ``small`` is the size of what stands beside its text."""
    text = _escaped(cell.text)
    text = rf"\textbf{{{text}}}" if cell.strong else text
    return rf"{text} {{{small} {_escaped(cell.beside)}}}" if cell.beside else text


def _plain(text: str) -> str:
    """Return a text as one Markdown cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", _cleaned(text))


def _escaped(text: str) -> str:
    """Return a text as LaTeX that typesets it."""
    typeset = "".join(LATEX.get(char, char) for char in _cleaned(text))
    # After the end of a row, a bracket or a star would be its argument.
    return f"{{}}{typeset}" if typeset.lstrip().startswith(("[", "*")) else typeset
