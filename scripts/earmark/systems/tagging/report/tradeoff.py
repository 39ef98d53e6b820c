"""The chart of quality against measured speed-up: a line per recipe over r, baselines as single marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import altair as alt

from earmark.core.files import Json
from earmark.report import charts
from earmark.report.charts import COLOURS, INK, SHAPES, fitted, level, plot, scaled, tooltips
from earmark.report.figures import Look, Row

HOVER = {
    "recipe": "recipe",
    "r": "r",
    "quality": "quality",
    "seeds": "of the seeds",
    "tokens": "tokens",
    "speed": "speed-up",
    "clips": "test clips",
    "device": "device",
    "made": "from",
}
HOLLOW = SHAPES[3]
DASHED = {"constant": [1, 0], "falling": [6, 3], "rising": [2, 2]}


def looks(recipes: Iterable[str]) -> dict[str, Look]:
    """Return a colour and shape per recipe."""
    names = sorted(set(recipes))
    return {name: Look(COLOURS[i % len(COLOURS)], SHAPES[i % 3], [1, 0]) for i, name in enumerate(names)}


def shape(r: str) -> str:
    """Return which schedules stand on one line: constant ones, falling, rising, each listed one alone."""
    return {"": "constant", "d": "falling", "i": "rising"}.get(r.lstrip("0123456789"), f"schedule {r}")


def tradeoff(
    rows: Sequence[Row], marks: Sequence[Row], look: Mapping[str, Look], chance: float | None, name: str
) -> Json:
    """Quality against measured speed-up: a line per recipe over r, and the baselines as single marks.

    ``look`` is by ``colour_of``: a recipe's own name, and for a baseline that of the recipe it belongs to.
    """
    both = [*rows, *marks]
    low, high = min(row["low"] for row in both), max(row["high"] for row in both)
    room = 0.08 * (high - low) or 0.01
    scale = alt.Scale(domain=[max(0.0, low - room), min(1.0, high + room)], nice=False, zero=False)
    axis = alt.Axis(format=".0%" if high - low > 0.1 else ".1%", tickCount=6)
    y, ends = alt.Y("value:Q", title=name, scale=scale, axis=axis), alt.Y("low:Q", title=name, scale=scale)
    slowest, fastest = min(row["speedup_low"] for row in both), max(row["speedup_high"] for row in both)
    across = alt.Scale(domain=[0.95 * min(1.0, slowest), 1.05 * fastest], nice=False, zero=False)
    title = "measured speed-up (times)"
    x = alt.X("speedup:Q", title=title, scale=across, axis=alt.Axis(format="~g", tickCount=7, grid=False))
    layers: list[alt.Chart] = []
    if chance is not None and chance >= low - room:
        layers += level({"value": chance}, charts.GUESSING)
    for part, lined in ((marks, False), (rows, True)):
        if not part:
            continue
        names = sorted({row["colour_of"] for row in part})
        colours = scaled(names, look, "colour")
        shapes = scaled(names, look, "shape")
        if not lined:
            shapes = alt.Scale(domain=names, range=[HOLLOW] * len(names))
        chart = plot(part).encode(x=x, color=alt.Color("colour_of:N", scale=colours, legend=None))
        layers.append(chart.mark_rule(strokeWidth=1.5, opacity=0.75).encode(y=ends, y2="high:Q"))
        sideways = alt.X("speedup_low:Q", title=title, scale=across)
        layers.append(
            chart.mark_rule(strokeWidth=1, opacity=0.45).encode(x=sideways, x2="speedup_high:Q", y=y)
        )
        if lined:
            dashes = alt.Scale(domain=list(DASHED), range=list(DASHED.values()))
            dash = alt.StrokeDash("schedule:N", legend=None, scale=dashes)
            order = alt.Order("merged:Q")
            layers.append(chart.mark_line(strokeWidth=1.8).encode(y=y, strokeDash=dash, order=order))
        point = chart.mark_point(filled=lined, size=75 if lined else 130, opacity=1, strokeWidth=2)
        marked = alt.Shape("colour_of:N", scale=shapes, legend=None)
        layers.append(point.encode(y=y, shape=marked, tooltip=tooltips(HOVER)))
        written = chart.mark_text(align="left", dx=7, dy=-9, fontSize=11)
        layers.append(written.encode(y=y, text="name:N", color=alt.value(INK)))
    # Every part has shapes of its own: a baseline is hollow in the colour of what it is to be compared with.
    return fitted(alt.layer(*layers).resolve_scale(shape="independent"), 360, right=24)
