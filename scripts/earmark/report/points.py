"""Rows of the summary gathered into one row per result: what charts and tables show of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from earmark.report.columns import LEFT_OUT, OURS, settings
from earmark.report.figures import Cell, Row
from earmark.report.words import NBSP, interval, made, percent
from earmark.scoring.catalogue import headlines, measure
from earmark.scoring.choices import ACCURACY
from earmark.systems.contract import System
from earmark.systems.registry import systems

IDENTITY = ("source", "system", "type", "result", "task", "model", "imported_as", "seed")
COUNTED = ("unparsed", "failed", "truncated", "windowed", "skipped")


def records(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table with None for what is missing."""
    plain: list[Row] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    return plain


def points(summary: pd.DataFrame) -> list[Row]:
    """Return one row per result of the summary: its columns, its metrics by name, its texts.

    Besides columns a row has ``metrics``, ``headline``, ``ours``, ``score``, ``counts`` and ``made``; from
    its system ``run`` (its settings in words), ``settings`` and ``findings`` (cells by heading, before and
    after the score in the table of all results) and ``remarks`` (what has to be said below that table).
    Types of result that are not listed there are not here.
    """
    same = [*IDENTITY, *(column.name for column in settings())]
    listed = {(system.name, kind.name) for system in systems() for kind in system.types if kind.listed}
    known = {system.name: system for system in systems()}
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    for row in records(summary[summary["system"] != LEFT_OUT]):
        if row["source"] != OURS or (row["system"], row["type"]) in listed:
            grouped.setdefault(tuple(row[name] for name in same), []).append(row)
    return [_point(members, known.get(members[0]["system"])) for members in grouped.values()]


def left_out(summary: pd.DataFrame) -> list[Row]:
    """Return the files that were found and not read, with the reason in ``note``."""
    return records(summary[summary["system"] == LEFT_OUT])


def _point(members: Sequence[Row], system: System | None) -> Row:
    metrics = {each["metric"]: each for each in members}
    headline = next((name for name in headlines() if name in metrics), members[0]["metric"])
    row: Row = {**metrics[headline], "metrics": metrics, "headline": headline}
    row["ours"] = row["source"] == OURS
    row["score"] = f"{_prefix(headline)}{_value(row, measure(headline).unit)}".strip()
    row["counts"] = counts(row)
    row["made"] = made(row)
    row |= {"run": "", "settings": {}, "findings": {}, "remarks": []}
    if row["imported_as"] is not None:
        row["settings"]["run"] = Cell(row["imported_as"])
    if system is not None and system.point is not None:
        system.point(row)
    elif system is not None:
        row["settings"] |= {
            column.heading: setting(row[column.name]) for column in system.columns if column.heading
        }
        row["run"] = ", ".join(cell.text for cell in row["settings"].values() if cell.text)
    return row


def setting(value: Any) -> Cell:
    """Return the cell of a setting: empty where there is none, sorted by its size where it has one."""
    return Cell("" if value is None else str(value), value if isinstance(value, int | float) else None)


def _value(row: Row, unit: str) -> str:
    """Return a value with its interval: shares in per cent, others in their unit."""
    if unit == "share" or row["value"] is None:
        return f"{percent(row['value'])} {interval(row)}"
    return f"{row['value']:.3g}{NBSP if unit else ''}{unit} {interval(row, 1, 2)}"


def _prefix(headline: str) -> str:
    return "" if headline == ACCURACY.name else f"{measure(headline).short} "


def counts(row: Row) -> str:
    """Return how many samples were no plain answer, in words."""
    known = [f"{row[name]} {name}" for name in COUNTED if row[name] is not None]
    return ", ".join(known) or "not counted"


def differing(rows: Iterable[Row], name: str) -> list[Any]:
    """Return the values of a column among rows, if there are several."""
    found = sorted({row[name] for row in rows if row[name] is not None}, key=str)
    return found if len(found) > 1 else []
