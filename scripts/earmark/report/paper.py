"""Tables as papers print them: one for each claim, with a caption of two lines and no column too many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from earmark.core.errors import UserError, nearest
from earmark.report.figures import Cell, Table, slug
from earmark.report.first import Entry, Pivot, View
from earmark.report.words import DASH, NBSP, banner

EVERY = "all"
"""Chosen instead of columns: every one, also those that a reader of the page asks for first."""

LESS = " (lower is better)"
PERCENT = f"{NBSP}%"
BOLD = "Bold: best, or not told from it."


def tables(system: str, pivots: Sequence[Pivot]) -> Iterator[tuple[str, Table]]:
    """Yield a table for each view of a system's first screen, with the name that its files have.

    Lines and columns without an entry are left out.
    """
    for pivot in pivots:
        for view in pivot.views:
            name = f"paper {system} {' '.join(view.choice.values())}".replace(LESS, "")
            yield slug(name), _table(pivot, view)


def named(system: str, table: Table) -> tuple[str, Table]:
    """Return a table that a system makes for papers with the name that its files have."""
    return slug(f"paper {system} {table.title}"), table


def _table(pivot: Pivot, view: View) -> Table:
    entries = [entry for _, cells in view.lines for entry in cells if entry is not None]
    shares = bool(entries) and all(entry.text.endswith(PERCENT) for entry in entries)
    *where, what = view.choice.values()
    units = ", ".join(["%"] * shares + ["95 % interval"] * any(entry.interval for entry in entries))
    said = f"{what[0].upper()}{what[1:].removesuffix(LESS)}{f' ({units})' if units else ''}"
    bold = BOLD if any(entry.best for entry in entries) else ""
    used = [i for i, _ in enumerate(view.columns) if any(cells[i] is not None for _, cells in view.lines)]
    return Table(
        f"{pivot.title}: {what}",
        [pivot.corner, *(view.columns[i] for i in used)],
        [
            [Cell(name), *(_cell(cells[i], shares) for i in used)]
            for name, cells in view.lines
            if any(cell is not None for cell in cells)
        ],
        [f"{what}: {', '.join(where)}"],
        frozenset(view.columns),
        caption=captioned(f"{said}: {', '.join(map(short, where))}. {bold}", view.labels),
        across=pivot.across,
    )


def short(where: str) -> str:
    """Return a task or a model without what else tells it apart, which stands in brackets."""
    return where.partition(" (")[0]


def _cell(entry: Entry | None, shares: bool) -> Cell:
    if entry is None:
        return Cell(DASH)
    text = entry.text.removesuffix(PERCENT) if shares else entry.text
    return Cell(text, beside=entry.interval, strong=entry.best)


def captioned(text: str, labels: str) -> str:
    """Return a caption that says what its numbers must not be taken for."""
    return warned(text, banner(labels))


def warned(text: str, banner: str) -> str:
    """Return a caption with what a banner begins with, in a few words."""
    warning = banner.partition(":")[0]
    return f"{text.strip()} {warning[0].upper()}{warning[1:]}." if warning else text.strip()


def marked(table: Table, banner: str) -> Table:
    """Return a table of the page as a file has it, whose caption says what the page's section says."""
    return replace(table, caption=warned(table.caption or f"{table.title}.", banner)) if banner else table


def chosen(table: Table, columns: Sequence[str]) -> Table:
    """Return a table with these columns in this order; none: those that a phone shows, if it says which.

    Raises:
        UserError: it has no such column.

    """
    plain = {name.replace(NBSP, " "): i for i, name in enumerate(table.columns)}
    if list(columns) == [EVERY] or (not columns and not table.first):
        return table
    wanted = list(columns) or [name.replace(NBSP, " ") for name in table.columns if name in table.first]
    for name in wanted:
        if name not in plain:
            raise UserError(f"the table '{table.title}' has no column '{name}'; {nearest(name, list(plain))}")
    places = [plain[name] for name in wanted]
    return replace(
        table,
        columns=[table.columns[i] for i in places],
        across="" if places[:1] != [0] else table.across,
        lines=[[line[i] for i in places] for line in table.lines],
    )
