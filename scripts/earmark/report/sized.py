"""Plots as wide as a column of a paper, or as both: shrunk, what is read on a screen would be read by nobody.

So letters and marks have sizes of their own here. A paper has its own caption: the title goes; what a black
line means, and that a model is a demo's, stays, below the plot.
"""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Mapping
from typing import Any

from earmark.core.files import Json

SIZES = ("column", "page")
"""One column of two, and both."""

POINTS = 72 / 25.4  # of a millimetre; a picture's pixel is a point on paper
LABEL, TITLE, BELOW = 7, 7.5, 6.5
"""Sizes of letters on paper: of axes and legends, of axes' titles, of what stands below."""

LETTER = 0.5  # width of a letter / its size
SHRUNK = {"size": 0.35, "strokeWidth": 0.6, "fontSize": 0.6, "dx": 0.6, "dy": 0.6, "labelLimit": 0.6}
"""What marks' sizes, set for the screen, are multiplied by."""

FLAT = 0.6  # height / that on the screen
SYMBOL = 24  # square points of a symbol in a legend


def sized(specification: Json, width_mm: float) -> Json:
    """Return a picture's specification made as wide as ``width_mm``, axes and legends included."""
    made = {key: _shrunk(part) for key, part in copy.deepcopy(dict(specification)).items() if key != "config"}
    width = width_mm * POINTS
    config = copy.deepcopy(dict(specification.get("config", {})))
    config["axis"] = config.get("axis", {}) | {
        "labelFontSize": LABEL,
        "titleFontSize": TITLE,
        "titlePadding": 3,
    }
    config["axis"] |= {"tickSize": 3, "labelPadding": 1.5}
    config["legend"] = config.get("legend", {}) | {
        **{"labelFontSize": LABEL, "titleFontSize": LABEL, "symbolSize": SYMBOL, "symbolStrokeWidth": 1},
        **{"rowPadding": 1, "columnPadding": 6, "offset": 4, "padding": 0, "gradientThickness": 6},
        "layout": {"bottom": {"direction": "vertical", "anchor": "start"}},
    }
    made |= {"config": config, "width": width, "padding": 1, "height": FLAT * float(specification["height"])}
    made["autosize"] = {"type": "fit-x", "contains": "padding"}
    title = made.pop("title", {})
    lines = _below(title, width)
    if lines:
        made["title"] = {
            **{"text": lines, "orient": "bottom", "anchor": "start", "fontSize": BELOW, "offset": 4},
            **{"fontWeight": "normal", "color": title.get("subtitleColor", "black")},
        }
    _narrow(made, width)
    return made


def _below(title: Json, width: float) -> list[str]:
    """Return what of a picture's title paper needs: all but the title itself and what a caption says."""
    letters = int(width / (LETTER * BELOW))
    return [line for text in title.get("subtitle", [])[1:] for line in textwrap.wrap(text, letters)]


def _shrunk(part: Any, name: str = "") -> Any:
    """Return a part of a specification with the sizes of its marks made for paper; data stay."""
    if isinstance(part, Mapping):
        return {
            key: value if key in ("data", "datasets") else _shrunk(value, key) for key, value in part.items()
        }
    if isinstance(part, list):
        return [_shrunk(each) for each in part]
    if name in SHRUNK and isinstance(part, int | float):
        small = SHRUNK[name] * part
        return max(small, BELOW - 0.5) if name == "fontSize" else small
    return part


def _narrow(part: Any, width: float) -> None:
    """Give legends as many columns as there is room for, in place."""
    if isinstance(part, list):
        for each in part:
            _narrow(each, width)
    elif isinstance(part, dict):
        for channel in part.get("encoding", {}).values():
            legend, scale = (
                channel.get(key) if isinstance(channel, dict) else None for key in ("legend", "scale")
            )
            if isinstance(legend, dict) and isinstance(scale, dict):
                longest = max((len(str(each)) for each in scale.get("domain", [])), default=8)
                legend["columns"] = max(1, int(width / (LETTER * LABEL * longest + 24)))
        for key, value in part.items():
            if key not in ("data", "datasets", "encoding"):
                _narrow(value, width)
