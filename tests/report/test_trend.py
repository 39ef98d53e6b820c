"""A chart's text alternative says what it shows."""

from __future__ import annotations

import re
from pathlib import Path

from earmark.report import page, trend
from earmark.report.summary import summarize
from earmark.report.words import percent


def test_a_line_is_told_by_its_ends_and_its_direction() -> None:
    rows = [
        {"method": "dart", "ratio": 0.1, "value": 0.6},
        {"method": "dart", "ratio": 0.7, "value": 0.95},
        {"method": "one", "ratio": 0.5, "value": 0.5},
        {"method": "none", "ratio": 0.5, "value": None},
    ]
    said = trend.lines(rows, "method", "ratio", "{:.0%}".format, "{:.0%} kept".format)
    assert said == "dart falls from 95% at 70% kept to 60% at 10% kept; one is at 50% at 50% kept."
    assert (
        trend.extremes(rows[:2], "ratio", "value", "{:.0%}".format) == "Highest: 0.7, 95%; lowest: 0.1, 60%."
    )
    assert trend.lines([], "method", "ratio", percent, percent) == trend.extremes([], "a", "b", percent) == ""


def test_every_chart_of_a_page_says_more_than_its_title(results: list[Path], timing: Path) -> None:
    text = page.build(summarize([*results, timing]))
    labels = re.findall(r'class="chart"[^>]*aria-label="([^"]*)"', text)
    assert len(labels) > 6
    for label in labels:
        assert re.search(r"\d", label.partition(". ")[2]), f"no number in: {label}"
