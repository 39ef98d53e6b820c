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

PERCENT = f"{NBSP}%"
BOLD = "Bold: the best of a column and all that cannot be told from it."


def tables(system: str, pivots: Sequence[Pivot]) -> Iterator[tuple[str, Table]]:
    """Yield a table for each view of a system's first screen, with the name that its files have."""
    for pivot in pivots:
        for view in pivot.views:
            yield slug(f"paper {system} {' '.join(view.choice.values())}"), _table(pivot, view)


def named(system: str, table: Table) -> tuple[str, Table]:
    """Return a table that a system makes for papers with the name that its files have."""
    return slug(f"paper {system} {table.title}"), table


def _table(pivot: Pivot, view: View) -> Table:
    entries = [entry for _, cells in view.lines for entry in cells if entry is not None]
    shares = bool(entries) and all(entry.text.endswith(PERCENT) for entry in entries)
    *where, what = view.choice.values()
    unit = "in % " if shares else ""
    ends = "[95 % interval] " if any(entry.interval for entry in entries) else ""
    said = (
        f"{what[0].upper()}{what[1:]} {unit}{ends}by {pivot.corner} and {pivot.across}: {', '.join(where)}."
    )
    bold = BOLD if any(entry.best for entry in entries) else ""
    lines = [[Cell(name), *(_cell(entry, shares) for entry in cells)] for name, cells in view.lines]
    return Table(
        f"{pivot.title}: {what}",
        [pivot.corner, *view.columns],
        lines,
        [],
        frozenset(view.columns),
        caption=labelled(f"{said} {bold}".strip(), view.labels),
    )


def _cell(entry: Entry | None, shares: bool) -> Cell:
    if entry is None:
        return Cell(DASH)
    text = entry.text.removesuffix(PERCENT) if shares else entry.text
    return Cell(text, beside=entry.interval, strong=entry.best)


def labelled(caption: str, labels: str) -> str:
    """Return a caption that says what its numbers must not be taken for."""
    warning = banner(labels).partition(":")[0]
    return f"{caption} {warning[0].upper()}{warning[1:]}." if warning else caption


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
        lines=[[line[i] for i in places] for line in table.lines],
    )
