"""The table of all results, imported ones beside ours and marked, with what else was found."""

from __future__ import annotations

from collections.abc import Sequence

from earmark.report.columns import OURS
from earmark.report.figures import Cell, Row, Table, number
from earmark.report.words import DASH, origin
from earmark.scoring.catalogue import headlines

MOST = 1000
"""Rows on the page; summary.csv has all."""

COUNTS = ("n", "unparsed", "failed", "truncated", "skipped")
MADE = ("device", "seed", "sample set", "source", "labels", "system", "code")
ALWAYS = frozenset(("task", "score"))
"""Columns that are shown even where every row has the same; a remark takes the place of others."""

FIRST = frozenset(
    (
        *("task", "model", "method", "recipe", "r", "suite", "router"),
        *("kept, asked", "score", "difference to base"),
    )
)
"""Columns that a phone shows at once."""

ON_SCREEN = frozenset((*COUNTS[1:], *MADE, "versions", "F1 macro", "F1 weighted", "kept, effective"))
"""Columns that paper has no room for."""

LATE = frozenset(("sample set", "code", "F1 weighted"))
"""Columns that are shown when asked for."""

COMPARED = (
    "Rows compare only where task, device, labels, versions and sample set are the same: the sample set is a "
    "digest of the samples scored, equal where they are."
)
IMPORTED = "Imported rows were measured by other programs; units are ours, everything else is theirs."


def table(points: Sequence[Row]) -> Table:
    """Return the table of all results; systems say which columns their settings and findings take."""
    shown = [_cells(row) for row in points[:MOST]]
    for row, text in zip(shown, differing_versions(points[:MOST]), strict=True):
        row["versions"] = Cell(text)
    columns = _columns(points[:MOST])
    lines = [[cells.get(name, Cell(DASH)) for name in columns] for cells in shown]
    texts = {name: {line[i].text for line in lines} for i, name in enumerate(columns)}
    same = [name for name in columns if name not in ALWAYS and len(texts[name]) == 1 < len(lines)]
    once = {name: next(iter(texts[name])) for name in same}
    used = [
        i
        for i, name in enumerate(columns)
        if name in ALWAYS or (name not in once and texts[name] - {"", DASH})
    ]
    numbers = frozenset(columns[i] for i in used if _numbers([line[i] for line in lines]))
    cells = [[line[i] for i in used] for line in lines]
    names = tuple(columns[i] for i in used)
    return Table(
        "All results",
        names,
        cells,
        _notes(points, once),
        numbers,
        on_screen=ON_SCREEN,
        first=FIRST & set(names),
        late=LATE & set(names),
        marks=[_marks(row) for row in points[:MOST]],
    )


def _marks(row: Row) -> dict[str, str]:
    """Return what filters find a row by."""
    named = {name: row.get(name) for name in ("system", "task", "model", "method")}
    made = origin(row["labels"] or "") if row["ours"] else row["source"]
    return {**{name: str(value) for name, value in named.items() if value}, "made": made}


def differing_versions(points: Sequence[Row]) -> list[str]:
    """Return, row by row, the versions of those packages that not all rows were made with alike."""
    ours = [set((row.get("packages") or "").split(", ")) - {""} for row in points]
    common = set.intersection(*(each for each in ours if each)) if any(ours) else set()
    return [", ".join(sorted(each - common)) for each in ours]


def _columns(points: Sequence[Row]) -> list[str]:
    """Return the headings: what was asked of whom, the score, what else was found, where and how."""
    settings = dict.fromkeys(name for row in points for name in row["settings"])
    findings = dict.fromkeys(name for row in points for name in row["findings"])
    return ["task", "model", *settings, "score", *COUNTS, *findings, *MADE, "versions"]


def _notes(points: Sequence[Row], once: dict[str, str]) -> list[str]:
    notes = list(dict.fromkeys(remark for row in points for remark in row["remarks"]))
    notes.append(COMPARED)
    shown = {row["headline"] for row in points}
    notes += [metric.remark for name, metric in headlines().items() if name in shown and metric.remark]
    notes += [IMPORTED] if any(row["source"] != OURS for row in points) else []
    if len(points) > MOST:
        notes.append(f"The first {MOST} of {len(points)} results; summary.csv beside this page has all.")
    same = ", ".join(f"{name} {text}" for name, text in once.items() if text not in ("", DASH))
    return [*notes, *([f"The same in every row: {same}."] if same else [])]


def _numbers(cells: Sequence[Cell]) -> bool:
    """Whether a column holds numbers, to be set flush right: a difference with its verdict is a text."""
    return all(
        cell.key is not None and ", p" not in cell.text for cell in cells if cell.text not in ("", DASH)
    )


def _cells(row: Row) -> dict[str, Cell]:
    return {
        "task": Cell(row["task"] or DASH),
        "model": Cell(row["model"] or DASH),
        **row["settings"],
        "score": Cell(DASH) if row["value"] is None else Cell(row["score"], float(row["value"]), row["made"]),
        **{name: number(row[name]) for name in COUNTS},
        **row["findings"],
        "device": Cell(row["device"] or DASH),
        "seed": number(row["seed"]),
        "sample set": Cell(row["sample_set"] or DASH),
        "source": Cell(row["source"]),
        "labels": Cell(row["labels"].replace(",", ", ") if row["labels"] else ""),
        "system": Cell(row["system"]),
        "code": Cell(row["code"] or DASH),
    }


def left_out(rows: Sequence[Row]) -> Table | None:
    """Return the files below results/ that were not read, None if all were."""
    if not rows:
        return None
    lines = [[Cell(row["result"]), Cell(row["note"])] for row in rows]
    return Table("Files left out", ("file", "why"), lines)
