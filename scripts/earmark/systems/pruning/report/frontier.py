"""Accuracy against measured latency: the chart with its Pareto front, and what runs give at equal terms.

Between two measured points of a method, neighbours in what they keep, a straight line is drawn; outside what
was measured nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from earmark.report.charts import INK, fitted, plot, scaled, tooltips
from earmark.report.figures import Cell, Figure, Legend, Look, Row, Table
from earmark.report.words import DASH, percent, points_apart, seconds, timed
from earmark.scoring.catalogue import measure

FRONT = Look(INK, "", [5, 3])
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Latencies of the first table, as shares of the unpruned model's."""

LOST = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Accuracies of the second, as points below the unpruned model's."""

HOVER = {
    "run": "run",
    "score": "score",
    "took": "time per clip",
    "difference": "difference to base",
    "n": "samples",
    "counts": "counts",
    "device": "device",
    "made": "from",
}
DRAWN = ("method", "latency", "value", "low", "high", "ratio", "result")

INTERPOLATED = (
    "Between two measured points values lie on a straight line; in brackets what those points keep. A dash: "
    "no measured points on both sides, or points whose times cannot be told apart (their 95 % intervals "
    "overlap)."
)
METHOD = (
    "Seconds are the median of mel, encode, prefill and decode together, each clip's share of its batch; "
    "bars are 95 % intervals of both. Lines join a method's runs, labelled by what they keep. The front "
    "joins the runs that none beats: none is better without being slower, where times whose intervals "
    "overlap count as the same."
)
UNPRUNED = Look(INK, "M0,-1.3L1.3,0L0,1.3L-1.3,0Z", [])


def measured(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a score and a latency."""
    found = [row for row in rows if row["value"] is not None and row["latency"] is not None]
    return [{**row, "took": timed(row, "clip")} for row in found]


def faster(row: Row, other: Row, stage: str = "clip") -> bool:
    """Whether a row is faster than another beyond doubt: the intervals of their times lie apart."""
    return _end(row, "high", stage) < _end(other, "low", stage)


def _end(row: Row, end: str, stage: str = "clip") -> float:
    found = row.get(f"{stage}_{end}_s")
    return float(row["latency"] if found is None else found)


def front(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that none beats, the fastest first.

    A row is beaten by one that is better and no slower, or as good and faster; of two times that cannot be
    told apart neither is the slower.
    """
    sign = measure(rows[0]["headline"]).sign if rows else 1

    def beats(a: Row, b: Row) -> bool:
        gain = sign * (a["value"] - b["value"])
        return (gain > 0 and not faster(b, a)) or (gain == 0 and faster(a, b))

    kept = [row for row in rows if not any(beats(other, row) for other in rows)]
    return sorted(kept, key=lambda row: (row["latency"], -sign * row["value"]))


def figure(rows: Sequence[Row], look: Mapping[str, Look]) -> Figure | None:
    """Return the chart of accuracy against latency, None where there is nothing to weigh."""
    shown = measured(rows)
    if len(shown) < 2:
        return None
    name = measure(shown[0]["headline"]).short
    methods = [method for method in look if any(row["method"] == method for row in shown)]
    kept = [
        {key: row[key] for key in (*DRAWN, *HOVER)}
        | {
            "fast": _end(row, "low"),
            "slow": _end(row, "high"),
            "order": -(row["ratio"] or 0),
            "kept": _kept(row),
        }
        for row in shown
    ]
    x = alt.X("latency:Q", title="seconds per clip, audio to answer", scale=alt.Scale(zero=False, nice=True),
              axis=alt.Axis(format="~g", tickCount=5, grid=False))  # fmt: skip
    y = alt.Y("value:Q", title=name, scale=alt.Scale(zero=False, nice=True),
              axis=alt.Axis(format=".0%", tickCount=5))  # fmt: skip
    pruned = plot([row for row in kept if row["method"] in look]).encode(
        x=x, color=alt.Color("method:N", scale=scaled(methods, look, "colour"), legend=None)
    )
    points = pruned.mark_point(filled=True, size=75, opacity=1).encode(
        y=y,
        shape=alt.Shape("method:N", scale=scaled(methods, look, "shape"), legend=None),
        tooltip=tooltips(HOVER),
    )
    intervals = pruned.mark_rule(strokeWidth=1.2, opacity=0.5).encode(y=alt.Y("low:Q"), y2="high:Q")
    times = pruned.mark_rule(strokeWidth=1.2, opacity=0.5).encode(x=alt.X("fast:Q"), x2="slow:Q", y=y)
    joined = pruned.mark_line(strokeWidth=1.2, opacity=0.6).encode(
        y=y,
        strokeDash=alt.StrokeDash("method:N", scale=scaled(methods, look, "dash"), legend=None),
        order=alt.Order("order:Q"),
    )
    labels = pruned.mark_text(fontSize=10, dx=5, dy=-6, align="left").encode(y=y, text="kept:N")
    base = plot([row for row in kept if row["method"] not in look])
    known = base.mark_rule(strokeWidth=1.2, opacity=0.5, color=INK).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    unpruned = base.mark_point(shape="diamond", filled=True, color=INK, size=140, opacity=1).encode(
        x=x, y=y, tooltip=tooltips(HOVER)
    )
    best = [{"latency": row["latency"], "value": row["value"]} for row in front(shown)]
    line = (
        plot(best)
        .mark_line(color=INK, strokeDash=FRONT.dash, opacity=0.7, interpolate="step-after", strokeWidth=1.5)
        .encode(x=x, y=y, order=alt.Order("latency:Q"))
    )
    legend: Legend = [*((method, look[method]) for method in methods), ("Pareto front", FRONT)]
    legend += [("base", UNPRUNED)] if any(row["is_base"] for row in shown) else []
    on_front = "; ".join(
        f"{row['run']}: {percent(row['value'])} in {seconds(row['latency'])}" for row in front(shown)
    )
    said = f"On the front, the fastest first: {on_front}."
    chart = fitted(alt.layer(line, joined, intervals, times, known, points, labels, unpruned), 300)
    return Figure(
        f"{name[0].upper()}{name[1:]} against measured time",
        chart,
        legend,
        [METHOD],
        key="latency",
        trend=said,
    )


def curves(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return each method's measured points, from the unpruned model on to the harshest."""
    shown = [row for row in measured(rows) if row["ratio"] is not None]
    base = [row for row in shown if row["is_base"]][:1]
    found: dict[str, list[Row]] = {}
    for row in shown:
        if not row["is_base"]:
            found.setdefault(row["method"], []).append(row)
    return {name: [*base, *sorted(each, key=lambda row: -row["ratio"])] for name, each in found.items()}


def crossings(curve: Sequence[Row], given: str, wanted: str, level: float) -> list[tuple[float, str]]:
    """Return the values of ``wanted`` where ``given`` is at a level, with what is kept there."""
    found = []
    for row in curve:
        if row[given] == level:
            found.append((float(row[wanted]), _kept(row)))
    for a, b in zip(curve, curve[1:], strict=False):
        apart = faster(a, b) or faster(b, a)
        if apart and min(a[given], b[given]) < level < max(a[given], b[given]):
            share = (level - a[given]) / (b[given] - a[given])
            found.append((float(a[wanted] + share * (b[wanted] - a[wanted])), f"{_kept(a)} to {_kept(b)}"))
    return found


def _kept(row: Row) -> str:
    return "100 %" if row["is_base"] else str(row["asked"])


def tables(rows: Sequence[Row]) -> list[Table]:
    """Return the tables of accuracy at equal latency and of latency at equal accuracy."""
    base = next((row for row in measured(rows) if row["is_base"]), None)
    found = curves(rows)
    if base is None or not found:
        return []
    less = not measure(base["headline"]).higher_is_better
    best: Any = min if less else max
    name = measure(base["headline"]).short
    made = []
    latencies = [(share, share * base["latency"]) for share in SHARES]
    quality = [
        (f"{100 * share:g} % of base ({seconds(level)})", "latency", "value", level, best)
        for share, level in latencies
    ]
    made.append(_table(f"{name[0].upper()}{name[1:]} at equal time", quality, found, percent))
    speed = [
        (f"{points_apart(lost if less else -lost)} ({percent(level)})", "value", "latency", level, min)
        for lost in LOST
        for level in [base["value"] + (lost if less else -lost)]
        if level >= 0
    ]
    made.append(_table(f"Time at equal {name}", speed, found, seconds))
    return [table for table in made if len(table.columns) > 1]


def _table(title: str, asked: Sequence[Any], found: Mapping[str, Sequence[Row]], text: Any) -> Table:
    """Return a line per method and a column per level that some method reaches."""
    columns: list[str] = []
    lines = {method: [Cell(method)] for method in found}
    for label, given, wanted, level, best in asked:
        reached = {method: crossings(curve, given, wanted, level) for method, curve in found.items()}
        if not any(reached.values()):
            continue
        columns.append(label)
        for method, values in reached.items():
            if values:
                value, where = best(values)
                lines[method].append(Cell(text(value), value, beside=f"({where})"))
            else:
                lines[method].append(Cell(DASH))
    return Table(title, ["method", *columns], list(lines.values()), [INTERPOLATED], frozenset(columns))
