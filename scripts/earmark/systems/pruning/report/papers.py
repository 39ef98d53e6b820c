"""Tables of token reduction for papers besides methods against ratios: stage times, class by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from earmark.report.columns import CLIP, STAGES
from earmark.report.figures import Cell, Row, Table
from earmark.report.material import Material
from earmark.report.paper import captioned, short
from earmark.report.words import DASH, interval, percent
from earmark.systems.pruning.report.first import grouped, model_of, task_of
from earmark.systems.pruning.report.sentences import nearest_ratio
from earmark.systems.pruning.report.standing import MEAN

WORDS = {CLIP: "whole clip"}
SLOW = 10.0
"""Seconds from which a stage's times are told in seconds."""

INSIDE = "select is part of prefill."


def tables(material: Material) -> Iterator[Table]:
    """Yield both tables of all rows that can be compared."""
    for group in grouped(material):
        if group[0]["type"] != MEAN:
            yield from (table for table in (_times(group), *_classes(group)) if table is not None)


def _where(row: Row) -> str:
    return f"{task_of(row)}, {model_of(row)}"


def _short(row: Row) -> str:
    return f"{short(task_of(row))}, {short(model_of(row))}"


def _times(group: Sequence[Row]) -> Table | None:
    """Return the median time of every stage, a line for each run; None where none was timed."""
    stages = [stage for stage in (*STAGES, CLIP) if any(row[f"{stage}_s"] is not None for row in group)]
    if not stages:
        return None
    names = [WORDS.get(stage, stage) for stage in stages]
    slow = any((row[f"{stage}_s"] or 0) >= SLOW for row in group for stage in stages)
    unit, scale = ("s", 1) if slow else ("ms", 1000)
    runs = sorted(group, key=lambda row: (not row["is_base"], row["method"], -(row["ratio"] or 0)))
    said = f"Time per clip ({unit}, median, 95 % interval): {_short(group[0])}."
    return Table(
        f"stage times {_where(group[0])}",
        ["run", *names],
        [[Cell(row["run"]), *(_time(row, stage, scale) for stage in stages)] for row in runs],
        [_where(group[0])],
        numbers=frozenset(names),
        caption=captioned(f"{said} {INSIDE}" if "select" in stages else said, group[0]["labels"]),
    )


def _time(row: Row, stage: str, scale: int) -> Cell:
    value, *ends = (row[f"{stage}{end}_s"] for end in ("", "_low", "_high"))
    if value is None:
        return Cell(DASH)
    digits = 2 if scale * value < 10 else 1 if scale * value < 100 else 0
    beside = "" if None in ends else interval(dict(zip(("low", "high"), ends, strict=True)), scale, digits)
    return Cell(f"{scale * value:.{digits}f}", value, beside=beside)


def _classes(group: Sequence[Row]) -> Iterator[Table]:
    """Yield the accuracy of each class, and of each group, unpruned and at the ratio that sentences name."""
    ratio = nearest_ratio(group)
    runs = [row for row in group if row["is_base"] or (ratio is not None and row["keep_ratio"] == ratio)]
    runs.sort(key=lambda row: (not row["is_base"], row["method"], row["layer"] or 0))
    names = {name for row in runs for name in row["metrics"]}
    facets = {name.partition("=")[0] + "=" for name in names if name.startswith("accuracy@")}
    for prefix in ("accuracy/", *sorted(facets)):
        what = "class" if prefix == "accuracy/" else prefix.removeprefix("accuracy@").rstrip("=")
        classes = sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))
        if classes:
            said = f"Accuracy (%, 95 % interval) of each {what.replace('_', ' ')}: {_short(group[0])}."
            yield Table(
                f"each {what} {_where(group[0])}",
                [what, *(row["run"] for row in runs)],
                [[Cell(name), *(_accuracy(row, f"{prefix}{name}") for row in runs)] for name in classes],
                [_where(group[0])],
                numbers=frozenset(row["run"] for row in runs),
                caption=captioned(said, group[0]["labels"]),
            )


def _accuracy(row: Row, metric: str) -> Cell:
    found = row["metrics"].get(metric)
    if found is None or found["value"] is None:
        return Cell(DASH)
    return Cell(percent(found["value"]).partition("\u00a0")[0], found["value"], beside=interval(found))
