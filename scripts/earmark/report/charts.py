"""The report's charts, one function each: rows in, Vega-Lite specification out.

Text and axes are drawn in CSS ``currentColor``, so one SVG serves light, dark and print. Legends
are the page's business: they wrap on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
from altair.utils.schemapi import debug_mode

from earmark.core.files import Json
from earmark.report.drawable import drawable
from earmark.report.figures import Look

Row = Mapping[str, Any]
Rows = Sequence[Row]
INK = "currentColor"
# Okabe and Ito's palette without yellow and black, blue lightened: legible on white and near-black.
COLOURS = ("#2a86c9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
SHAPES = (
    "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0Z",
    "M-0.9,-0.9L0.9,-0.9L0.9,0.9L-0.9,0.9Z",
    "M0,-1L1,0.8L-1,0.8Z",
    "M0,-1L1,0L0,1L-1,0Z",
    "M0,1L1,-0.8L-1,-0.8Z",
    "M-1,-0.4L-0.4,-0.4L-0.4,-1L0.4,-1L0.4,-0.4L1,-0.4L1,0.4L0.4,0.4L0.4,1L-0.4,1L-0.4,0.4L-1,0.4Z",
)
ROW = 17  # pixels
GUESSING = Look(INK, "", [2, 3])
"""The level line of answers at random."""

CONFIG = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor", "gridColor"), INK),
        **dict.fromkeys(("domainOpacity", "tickOpacity"), 0.4),
        **dict.fromkeys(("labelFontSize", "titleFontSize"), 12),
        **{"gridOpacity": 0.13, "titleFontWeight": "normal", "titlePadding": 8},
    },
    "legend": {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal"},
}


def plot(rows: Rows) -> alt.Chart:
    """Return a chart of rows, with nothing drawn yet."""
    # As a tuple and unchecked: Altair copies lists row by row, and checks each, for every layer.
    with debug_mode(False):
        data = alt.InlineData(values=tuple(rows))
    return alt.Chart(data)


def tooltips(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """Return what hovering shows: fields and what they are called."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in fields.items()]


def scaled(names: Sequence[str], looks: Mapping[str, Look], attribute: str) -> alt.Scale:
    """Return the scale that gives each name the colour, shape or dash of its look."""
    return alt.Scale(domain=list(names), range=[getattr(looks[name], attribute) for name in names])


def fitted(chart: Any, height: int, right: int = 2) -> Json:
    """Return the chart as a specification that fills the width it is given."""
    sized = chart.properties(
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        padding={"left": 2, "right": right, "top": 2, "bottom": 2},
    )
    return dict(drawable(sized.configure(**CONFIG).to_dict(validate=False)))


def level(row: Row, look: Look, hover: Mapping[str, str] | None = None) -> list[alt.Chart]:
    """Return a level line and, where ``low`` and ``high`` are given, its interval."""
    chart = plot([row])
    if hover:
        chart = chart.encode(tooltip=tooltips(hover))
    band = chart.mark_rect(color=INK, opacity=0.13).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = chart.mark_rule(color=INK, strokeDash=look.dash, opacity=0.8).encode(y=alt.Y("value:Q"))
    return [*([band] if row.get("low") is not None else []), line]


def histogram(bins: Rows, title: str) -> Json:
    """Counts of equally wide bins, given as rows of ``from``, ``to``, ``n`` and ``text``."""
    chart = (
        plot(bins)
        .mark_bar(color=COLOURS[0])
        .encode(
            x=alt.X(
                "from:Q", title=title, axis=alt.Axis(grid=False), scale=alt.Scale(zero=False, nice=False)
            ),
            x2="to:Q",
            y=alt.Y("n:Q", title="clips", axis=alt.Axis(format=",d", tickCount=4, tickMinStep=1)),
            y2=alt.Y2Datum(0),
            tooltip=tooltips({"text": "length", "n": "clips"}),
        )
    )
    return fitted(chart, 220)
