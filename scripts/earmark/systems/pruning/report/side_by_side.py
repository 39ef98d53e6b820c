"""The plot of all methods side by side: quality against tokens kept, and against the prefill's speed-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from earmark.core.files import Json
from earmark.systems.pruning.side_by_side import Point

WIDTH, HEIGHT = 380, 300


def chart(points: Sequence[Point]) -> Json:
    """Return a Vega-Lite specification: a row a task, tokens kept on the left, speed-up on the right."""
    rows = [asdict(point) for point in points]
    tasks = list(dict.fromkeys((point.task, point.models, point.metric) for point in points))
    return dict(alt.vconcat(*(_task(rows, *each) for each in tasks)).to_dict())


def _task(rows: Sequence[Json], task: str, models: str, metric: str) -> Any:
    own = [row for row in rows if (row["task"], row["models"]) == (task, models)]
    seeds = own[0]["seeds"]
    # Intervals are of the difference; drawn around the value they are where the base would lie within.
    for row in own:
        row["lower"], row["upper"] = row["base"] + row["low"], row["base"] + row["high"]
    drawn = alt.Chart(alt.InlineData(values=own))
    colour = alt.Color("method:N", scale=alt.Scale(scheme="tableau20"), legend=alt.Legend(columns=1))
    shape = alt.Shape("method:N", legend=None)
    panels = []
    for field, title in (
        ("tokens_kept", "audio tokens left, mean"),
        ("prefill_speedup", "prefill: time unpruned / time, choosing included"),
    ):
        place = alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=False))
        spans = drawn.mark_rule(opacity=0.25).encode(
            x=place, y=alt.Y("lower:Q", title=metric), y2="upper:Q", color=colour
        )
        line = drawn.mark_line(strokeWidth=1, opacity=0.6).encode(x=place, y="value:Q", color=colour)
        dots = drawn.mark_point(filled=True, size=45).encode(x=place, y="value:Q", color=colour, shape=shape)
        panels.append((spans + line + dots).properties(width=WIDTH, height=HEIGHT))
    title = f"{task}: {models}, {seeds} seed{'s' if seeds != 1 else ''}"
    return alt.hconcat(*panels).properties(title=title)
