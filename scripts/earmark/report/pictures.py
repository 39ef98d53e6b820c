"""Every plot of the page as a picture of its own: on white, with its title, legend and warning inside."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from earmark.core.files import Json
from earmark.report.charts import INK
from earmark.report.figures import Figure, Look, Section

PAPER_INK = "#1c1f23"
WIDTH = 460  # pixels, more where a figure asks for it
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Fonts of the same widths: a PDF carries the first, an SVG is shown with that of them which is there."""

LEGENDS = ("color", "shape", "strokeDash", "fill", "stroke")
DASHES = {"1 0": "solid line", "2 3": "dotted line", "1 3": "finely dotted line", "5 4": "dashed line"}
DASHES |= {"5 3": "dashed steps"}


def names(section: Section) -> Iterator[tuple[str, Figure]]:
    """Yield each figure of a section with the name its files have."""
    for figure in (figure for row in section.figures for figure in row):
        yield f"{section.name}-{figure.name}", figure


def standalone(figure: Figure, section: Section) -> Json:
    """Return a figure's specification for paper: sized, in ink, titled, with a legend and its warning."""
    made = _inked(copy.deepcopy(figure.specification))
    lines = [", ".join(section.facts)]
    lines += [section.banner.partition(":")[0]] if section.banner else []
    plain = [f"{_worded(look)}: {name}" for name, look in figure.legend if _plain(look)]
    lines += ["; ".join(plain)] if plain else []
    _add_legends(made)
    title = {"text": figure.title, "subtitle": lines, "anchor": "start", "fontSize": 14}
    made |= {"width": max(WIDTH, figure.min_width), "background": "white", "padding": 10}
    made["config"] = made.get("config", {}) | {"font": FONT}
    made["title"] = title | {"color": PAPER_INK, "subtitleColor": PAPER_INK}
    made.pop("autosize", None)
    return made


def _plain(look: Look | str) -> bool:
    return isinstance(look, Look) and look.colour == INK


def _worded(look: Look | str) -> str:
    dash = " ".join(map(str, look.dash)) if isinstance(look, Look) else ""
    return DASHES.get(dash, "black diamond")


def _inked(part: Any) -> Any:
    """Return a part of a specification with the page's ink replaced by that of paper."""
    if isinstance(part, Mapping):
        return {key: _inked(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_inked(value) for value in part]
    return PAPER_INK if part == INK else part


def _add_legends(part: Any) -> None:
    """Show the legends that the page draws itself, in place."""
    if isinstance(part, list):
        for each in part:
            _add_legends(each)
    elif isinstance(part, dict):
        for channel in LEGENDS:
            encoded = part.get("encoding", {}).get(channel)
            if isinstance(encoded, dict) and "field" in encoded and encoded.get("legend", 0) is None:
                encoded["legend"] = {"title": None, "orient": "bottom", "columns": 4, "symbolOpacity": 1}
        for key, value in part.items():
            if key not in ("data", "datasets"):
                _add_legends(value)
