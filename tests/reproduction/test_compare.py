"""Two runs are the same, equal within rounding, or differ, and the places are named."""

from __future__ import annotations

import pytest

from earmark.reproduction.compare import DIFFERS, ROUNDING, SAME, differences, verdict


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({"a": [1, 2.5, None, "x"]}, {"a": [1, 2.5, None, "x"]}, SAME),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, ROUNDING),
        ({"a": 0.3}, {"a": 0.3001}, DIFFERS),
        ({"a": 10_000_000}, {"a": 10_000_001}, DIFFERS),
        ({"a": True}, {"a": 1}, DIFFERS),
        ({"a": 1}, {}, DIFFERS),
        ({}, {"a": 1}, DIFFERS),
        ({"a": [1]}, {"a": [1, 2]}, DIFFERS),
        ({"a": 0.1 + 0.2, "b": "x"}, {"a": 0.3, "b": "y"}, DIFFERS),
    ],
)
def test_verdicts(was, now, expected):
    assert verdict(differences(was, now)) == expected


def test_the_place_of_a_difference_is_named():
    was = {"metrics": {"accuracy": {"value": 0.5}}, "samples": {"c1": {"answer": ["A"]}}}
    now = {"metrics": {"accuracy": {"value": 0.5}}, "samples": {"c1": {"answer": ["B"]}}}
    (found,) = differences(was, now)
    assert (found.place, found.was, found.now) == ("samples.c1.answer[0]", "A", "B")
