"""The table of all results, imported ones beside ours and marked, with what else was found."""

from __future__ import annotations

from collections.abc import Sequence

from earmark.report.columns import DIFFERENCE, OURS
from earmark.report.figures import Cell, Row, Table
from earmark.report.tagging_rows import merged
from earmark.report.words import DASH, percent, seconds
from earmark.scoring.catalogue import headlines

MOST = 3000
"""Rows on the page; summary.csv has all."""

COUNTS = ("n", "unparsed", "failed", "truncated", "skipped")
COLUMNS = (
    "task", "model", "method", "kept, asked", "kept, effective", "layer", "r", "score", *COUNTS,
    "difference to base", "F1 macro", "F1 weighted", "time per clip", "prefill", "device", "seed",
    "sample set", "source", "labels", "system", "code",
)  # fmt: skip
WORDS = (
    "task",
    "model",
    "method",
    "difference to base",
    "device",
    "sample set",
    "source",
    "labels",
    "system",
    "code",
)
NUMBERS = frozenset(COLUMNS) - frozenset(WORDS)
ALWAYS = frozenset(("task", "model", "method", "score", *COUNTS))
"""Columns that are shown even if no row has anything in them: counts stand beside every score."""

ONCE = ("device", "seed", "sample set", "source", "labels", "system", "code")
"""Columns that a remark takes the place of where every row has the same."""

ON_SCREEN = frozenset(("system", "code"))
CORRECTED = (
    "Differences to the unpruned model (base) are taken on the samples both answered, in percentage points "
    "with a paired 95 % interval. The p-value is McNemar's exact one, of word error rates that of "
    "a randomisation test, corrected by Holm's method for the number of runs compared with the same base (it "
    "stands in the hint of the cell and in summary.csv). “No difference shown” means that the corrected "
    "p-value is 0.05 or more: not that there is none."
)
COMPARED = (
    "Rows compare only where task, device, labels and sample set are the same: the sample set is a digest of "
    "the samples scored, equal where they are."
)
IMPORTED = "Imported rows were measured by other programs; units are ours, everything else is theirs."


def table(points: Sequence[Row]) -> Table:
    """Return the table of all results."""
    notes = [CORRECTED] if any(DIFFERENCE in row["metrics"] for row in points) else []
    notes.append(COMPARED)
    shown = {row["headline"] for row in points}
    notes += [metric.remark for name, metric in headlines().items() if name in shown and metric.remark]
    notes += [IMPORTED] if any(row["source"] != OURS for row in points) else []
    if len(points) > MOST:
        notes.append(f"The first {MOST} of {len(points)} results; summary.csv has all.")
    lines = [_line(row) for row in points[:MOST]]
    texts = {name: {line[i].text for line in lines} for i, name in enumerate(COLUMNS)}
    once = {name: texts[name].copy().pop() for name in ONCE if len(texts[name]) == 1 < len(lines)}
    same = ", ".join(f"{name} {text}" for name, text in once.items() if text not in ("", DASH))
    notes += [f"The same in every row: {same}."] if same else []
    used = [
        i
        for i, name in enumerate(COLUMNS)
        if name in ALWAYS or (name not in once and texts[name] - {"", DASH})
    ]
    columns = tuple(COLUMNS[i] for i in used)
    cells = [[line[i] for i in used] for line in lines]
    return Table("All results", columns, cells, notes, NUMBERS & set(columns), on_screen=ON_SCREEN)


def _number(value: float | int | None, text: str | None = None) -> Cell:
    return Cell(DASH) if value is None else Cell(str(value) if text is None else text, float(value))


def _line(row: Row) -> list[Cell]:
    found, metrics = row["metrics"].get(DIFFERENCE), row["metrics"]
    hint = (
        f"p {found['p_value']:.3g} before correction for {found['comparisons']} comparisons" if found else ""
    )
    f1 = [metrics.get(name, {}).get("value") for name in ("f1_macro", "f1_weighted")]
    return [
        Cell(row["task"] or DASH),
        Cell(row["model"] or DASH),
        Cell(row["method"] or DASH, hover=row["note"] or ""),
        _number(row["ratio"], row["asked"]),
        _number(row["keep_ratio_effective"], row["effective"]),
        _number(row["layer"]),
        Cell(DASH) if row["r"] is None else Cell(row["r"], merged(row["r"])),
        Cell(DASH) if row["value"] is None else Cell(row["score"], float(row["value"]), row["made"]),
        *(_number(row[name]) for name in COUNTS),
        Cell(row["difference"], found["value"] if found else None, hint),
        *(_number(value, percent(value)) for value in f1),
        _number(row["latency"], seconds(row["latency"])),
        _number(row["prefill_s"], seconds(row["prefill_s"])),
        Cell(row["device"] or DASH),
        _number(row["seed"]),
        Cell(row["sample_set"] or DASH),
        Cell(row["source"]),
        Cell(row["labels"].replace(",", ", ") if row["labels"] else ""),
        Cell(row["system"]),
        Cell(row["code"] or DASH),
    ]


def left_out(rows: Sequence[Row]) -> Table | None:
    """Return the files below results/ that were not read, None if all were."""
    if not rows:
        return None
    lines = [[Cell(row["result"]), Cell(row["note"])] for row in rows]
    return Table("Files left out", ("file", "why"), lines)
