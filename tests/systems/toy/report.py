"""What the toy puts into the summary, onto the page and before the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt

from earmark.doctor.findings import OK, Finding
from earmark.report import rows as common
from earmark.report.charts import fitted, plot
from earmark.report.figures import Figure, Section
from earmark.report.material import Material
from earmark.report.words import banner
from earmark.systems.configuration import Settings
from earmark.systems.toy.config import Toy


def rows(path: Path, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the row of the share of heads."""
    asked = {name: record["asked"][name] for name in ("coin", "times")}
    yield from common.metrics({**common.common(record), **asked}, record)


def sections(material: Material) -> Iterator[Section]:
    """Yield one section with one plot."""
    points = material.of("toy", "toss")
    if points:
        shown = [{name: point[name] for name in ("run", "value", "n", "made")} for point in points]
        chart = plot(shown).mark_bar().encode(x=alt.X("value:Q"), y=alt.Y("run:N"))
        figure = Figure("Heads of each coin", fitted(chart, 100))
        yield Section("Coins that were tossed", ["task coins"], banner("synthetic"), [[figure]])


def checks(settings: Settings) -> Iterator[Finding]:
    """Yield that there is nothing to look for."""
    yield Finding("systems", "coins", OK, f"{len(settings.of(Toy).toy)} to toss")
