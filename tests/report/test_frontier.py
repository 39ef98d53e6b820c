"""Accuracy against latency: the front, and what runs give at equal terms."""

from __future__ import annotations

from typing import Any

import pytest

from earmark.report.words import DASH
from earmark.systems.pruning.report.frontier import crossings, curves, front, tables


def row(
    method: str, ratio: float, latency: float, value: float, headline: str = "accuracy"
) -> dict[str, Any]:
    return {
        "method": method,
        "is_base": method == "base",
        "ratio": ratio,
        "asked": f"{100 * ratio:g} %",
        "latency": latency,
        "value": value,
        "headline": headline,
    }


BASE = row("base", 1.0, 1.0, 0.9)
DART = [row("dart", 0.5, 0.6, 0.8), row("dart", 0.1, 0.4, 0.5)]
FRAME = [row("frame", 0.5, 0.7, 0.95), row("frame", 0.1, 0.5, 0.45)]


def test_nothing_on_the_front_is_beaten_and_all_else_is() -> None:
    kept = front([BASE, *DART, *FRAME])
    assert [(r["method"], r["ratio"]) for r in kept] == [("dart", 0.1), ("dart", 0.5), ("frame", 0.5)]
    rates = [{**r, "headline": "wer", "value": 1 - r["value"]} for r in (BASE, *DART, *FRAME)]
    assert [r["latency"] for r in front(rates)] == [r["latency"] for r in kept]


def test_noise_in_time_puts_no_worse_run_before_a_better_one() -> None:
    def timed(found: dict[str, Any], half: float) -> dict[str, Any]:
        took = found["latency"]
        return {**found, "clip_s": took, "clip_low_s": took - half, "clip_high_s": took + half}

    quick, good = row("random", 0.5, 0.6000, 0.8), row("frame", 0.5, 0.6009, 0.9)
    assert [r["method"] for r in front([quick, good])] == ["random", "frame"], "as far as exact times go"
    assert [r["method"] for r in front([timed(quick, 0.002), timed(good, 0.002)])] == ["frame"]
    assert crossings([timed(quick, 0.002), timed(good, 0.002)], "latency", "value", 0.6004) == []


def test_values_lie_between_measured_neighbours_only() -> None:
    curve = curves([BASE, *DART])["dart"]
    assert [r["ratio"] for r in curve] == [1.0, 0.5, 0.1]
    assert crossings(curve, "latency", "value", 0.8) == [(pytest.approx(0.85), "100 % to 50 %")]
    assert crossings(curve, "latency", "value", 0.6) == [(0.8, "50 %")], "a measured point is itself"
    assert crossings(curve, "latency", "value", 0.3) == [], "nothing was measured there"
    assert crossings(curve, "value", "latency", 0.65) == [(pytest.approx(0.5), "50 % to 10 %")]


def test_the_tables_take_the_best_of_several_crossings_and_dash_what_was_not_reached() -> None:
    equal_time, equal_score = tables([BASE, *DART, *FRAME])
    assert equal_time.columns[0] == "method" and "90 % of base" in equal_time.columns[1]
    cells = {line[0].text: dict(zip(equal_time.columns, line, strict=True)) for line in equal_time.lines}
    at_half = next(name for name in equal_time.columns if name.startswith("50 % of base"))
    assert cells["frame"][at_half].key == pytest.approx(0.45)
    assert cells["dart"][at_half].key == pytest.approx(0.65)
    at_40 = next(name for name in equal_time.columns if name.startswith("40 % of base"))
    assert cells["frame"][at_40].text == DASH
    # frame gains, then falls: the base's accuracy is met at once and on the way down.
    line = next(line for line in equal_score.lines if line[0].text == "frame")
    assert line[1].key == pytest.approx(0.5 + 0.2 * 0.45 / 0.5)


def test_without_a_base_or_times_there_are_no_tables() -> None:
    assert tables(DART) == [] and tables([BASE]) == []
    assert tables([BASE, {**DART[0], "latency": None}]) == []
