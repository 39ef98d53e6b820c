"""Means in dB: the aggregation of each benchmark, and intervals that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.systems.separation.aggregate import Samples


def samples(labels, sources=None, aggregation="mean", resamples=400) -> Samples:
    return Samples(labels, sources or [str(n) for n in range(len(labels))], aggregation, resamples, 0)


def test_each_aggregation_is_what_its_name_says() -> None:
    values, labels = np.array([1.0, 2, 9, 4]), ["a", "a", "a", "b"]
    for aggregation, expected in (
        ("mean", 4),
        ("mean over classes", 4),
        ("median per class, mean over classes", 3),
    ):
        assert samples(labels, aggregation=aggregation).metric(values)["value"] == expected


def test_the_interval_of_a_mean_is_student_s() -> None:
    values = np.random.default_rng(1).normal(3, 2, 50)
    found = samples(["a"] * 50, resamples=4000).metric(values)
    half = 2.0096 * values.std(ddof=1) / np.sqrt(50)
    assert found["high"] - found["low"] == pytest.approx(2 * half, rel=0.05)


def test_captions_of_one_recording_are_not_independent() -> None:
    values = np.repeat(np.random.default_rng(2).normal(size=20), 5)
    apart = samples(["a"] * 100).metric(values)
    together = samples(["a"] * 100, [str(n // 5) for n in range(100)]).metric(values)
    assert together["high"] - together["low"] > 2 * (apart["high"] - apart["low"])
    assert together["value"] == apart["value"]


def test_one_sample_claims_nothing() -> None:
    found = samples(["a"]).metric(np.array([2.0]))
    assert (found["value"], found["low"], found["high"]) == (2, None, None)


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 10, 40)
    found = samples(["a"] * 40).difference(hard + 0.5 + rng.normal(0, 0.1, 40), hard)
    assert found["low"] > 0.4 and found["p_value"] < 0.01
    same = samples(["a"] * 40).difference(hard, hard)
    assert same["value"] == 0 and same["p_value"] == 1
