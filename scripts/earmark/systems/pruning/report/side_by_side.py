"""The plot of all methods side by side: quality against tokens kept, and against the prefill's speed-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from statistics import fmean
from typing import Any

import altair as alt

from earmark.core.files import Json
from earmark.systems.pruning.side_by_side import Point

WIDTH, HEIGHT = 380, 320
COLOURED = 7
"""Methods that are told apart: more lines can't be, so the others are grey."""
CONTROL = "random"
"""Shown whatever it makes of the task: what is no better needs no choosing."""


def chart(points: Sequence[Point]) -> Json:
    """Return a Vega-Lite specification: a row a task, tokens kept on the left, speed-up on the right."""
    tasks = list(dict.fromkeys((point.task, point.models) for point in points))
    rows = ([point for point in points if (point.task, point.models) == task] for task in tasks)
    return dict(alt.vconcat(*map(_task, rows)).resolve_scale(color="independent").to_dict())


def best(points: Sequence[Point]) -> list[str]:
    """Return the methods by the mean of their values over the ratios, the best first; without the base."""
    methods = dict.fromkeys(point.method for point in points if point.method != "base")
    sign = -1 if points[0].better == "lower" else 1
    means = {name: fmean(point.value for point in points if point.method == name) for name in methods}
    return sorted(methods, key=lambda name: -sign * means[name])


def _task(points: Sequence[Point]) -> Any:
    first, ranked = points[0], best(points)
    shown = [*ranked[:COLOURED], *(name for name in ranked[COLOURED:] if name == CONTROL)]
    panels = [_panel(points, shown, "tokens_kept", "audio tokens left, mean")]
    if not all(isnan(point.speedup) for point in points if point.method != "base"):
        title = "prefill: time unpruned / time, choosing included"
        panels.append(_panel(points, shown, "speedup", title))
    seeds = f"{first.seeds} seed{'s' if first.seeds != 1 else ''}"
    title = alt.Title(
        f"{first.task}: {first.models}, {seeds}",
        subtitle=f"the best first, by the mean over the ratios; {first.better} is better; dashed: unpruned; "
        f"shade: {ranked[0]}'s interval of the difference; grey: the others",
        subtitleFontSize=10,
    )
    return alt.hconcat(*panels).properties(title=title)


def _panel(points: Sequence[Point], shown: Sequence[str], field: str, title: str) -> Any:
    rows = [asdict(point) for point in points if point.method != "base" and not isnan(getattr(point, field))]
    # Intervals are of the difference; drawn around the value they are where the base would lie within.
    for row in rows:
        row["lower"], row["upper"] = row["base"] + row["low"], row["base"] + row["high"]
    drawn = alt.Chart(alt.InlineData(values=rows))
    place = alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=False))
    value = alt.Y("value:Q", title=points[0].metric, scale=alt.Scale(zero=False))
    colour = alt.Color(
        "method:N",
        scale=alt.Scale(scheme="tableau10", domain=list(shown)),
        legend=alt.Legend(title=None, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    named = alt.FieldOneOfPredicate(field="method", oneOf=list(shown))
    other = {"not": named.to_dict()}
    leading = alt.FieldEqualPredicate(field="method", equal=shown[0])
    shade = drawn.transform_filter(leading).mark_area(opacity=0.15).encode(
        x=place, y=alt.Y("lower:Q", title=points[0].metric), y2="upper:Q", color=colour
    )  # fmt: skip
    behind = drawn.transform_filter(other).mark_line(strokeWidth=1, color="#c4c4c4").encode(
        x=place, y=value, detail="method:N"
    )  # fmt: skip
    line = drawn.transform_filter(named).mark_line(strokeWidth=1.8, point=True).encode(
        x=place, y=value, color=colour
    )  # fmt: skip
    unpruned = alt.Chart(alt.InlineData(values=[{"base": points[0].base}])).mark_rule(
        strokeDash=[4, 3], color="#555555"
    )
    layers = behind + unpruned.encode(y="base:Q") + line
    return (shade + layers if field == "tokens_kept" else layers).properties(width=WIDTH, height=HEIGHT)
