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


@pytest.mark.parametrize("aggregation", ["mean over classes", "median per class, mean over classes"])
def test_nine_mixtures_of_one_segment_are_not_independent_either(aggregation) -> None:
    values = np.repeat(np.random.default_rng(4).normal(size=40), 9)
    labels = ["cello"] * 180 + ["flute"] * 180
    apart = samples(labels, aggregation=aggregation).metric(values)
    together = samples(labels, [str(n // 9) for n in range(360)], aggregation).metric(values)
    assert together["high"] - together["low"] > 2 * (apart["high"] - apart["low"])


def test_a_class_drawn_again_has_the_median_of_its_recordings_samples() -> None:
    values, sources = np.array([5.0, 1, 4, 2, 3]), ["a", "a", "b", "c", "c"]
    found = samples(["x"] * 5, sources, "median per class, mean over classes", 50)._drawn_again(
        values, np.arange(5), np.random.default_rng(7)
    )
    times = np.random.default_rng(7).multinomial(3, [1 / 3] * 3, size=50)[:, [0, 0, 1, 2, 2]]
    assert np.allclose(found, [np.median(np.repeat(values, row)) for row in times])


def test_captions_have_no_classes() -> None:
    assert samples([None, None]).per_class(np.array([1.0, 2])) == []
    assert [row["class"] for row in samples(["b", "a"]).per_class(np.array([1.0, 2]))] == ["a", "b"]


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
