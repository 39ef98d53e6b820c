"""The paired comparison against slow, literal versions of itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from earmark.scoring.paired import compare, compare_rates, mcnemar


def pairs(n: int, seed: int) -> tuple[list[bool], list[bool]]:
    rng = np.random.default_rng(seed)
    theirs = rng.random(n) < 0.8
    ours = np.where(rng.random(n) < 0.3, rng.random(n) < 0.4, theirs)
    return ours.tolist(), theirs.tolist()


@pytest.mark.parametrize("n", [1, 7, 60, 400])
def test_difference_is_the_difference_of_the_accuracies(n: int) -> None:
    ours, theirs = pairs(n, seed=n)
    found = compare(ours, theirs)
    assert found.difference == pytest.approx(sum(ours) / n - sum(theirs) / n)
    assert found.gained == sum(a and not b for a, b in zip(ours, theirs, strict=True))
    assert found.lost == sum(b and not a for a, b in zip(ours, theirs, strict=True))
    assert found.low <= found.difference <= found.high


def test_interval_is_close_to_scipys_paired_bootstrap() -> None:
    ours, theirs = pairs(200, seed=1)
    found = compare(ours, theirs)
    slow = bootstrap(
        (np.array(ours, float), np.array(theirs, float)),
        lambda a, b, axis=-1: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=5000,
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((slow.low, slow.high), abs=0.01)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (3, 9), (9, 3), (5, 5), (0, 20), (40, 61)])
def test_mcnemar_is_the_binomial_sum(gained: int, lost: int) -> None:
    d = gained + lost
    tail = sum(math.comb(d, i) for i in range(min(gained, lost) + 1)) / 2**d
    assert mcnemar(gained, lost) == pytest.approx(min(1.0, 2 * tail), rel=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([True], [True, False])])
def test_rows_that_are_no_pairs_are_refused(ours: list[bool], theirs: list[bool]) -> None:
    with pytest.raises(ValueError, match="equally long"):
        compare(ours, theirs)


def test_error_rates_are_compared_by_corpus_rate() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(5, 30, size=60)
    theirs = rng.binomial(words, 0.1)
    ours = theirs + rng.binomial(words, 0.05)
    found = compare_rates(ours, theirs, words, np.random.default_rng(0))
    assert found.difference == pytest.approx(ours.sum() / words.sum() - theirs.sum() / words.sum())
    slow = bootstrap(
        (ours, theirs, words),
        lambda a, b, w, axis=-1: (a.sum(axis) - b.sum(axis)) / w.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=5000,
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((slow.low, slow.high), abs=0.003)
    assert found.p_value < 0.001


def test_the_same_errors_are_no_difference() -> None:
    found = compare_rates([1, 2, 3], [1, 2, 3], [9, 9, 9], np.random.default_rng(0))
    assert (found.difference, found.p_value) == (0, 1) and found.low == -found.high < 0


def test_errors_without_words_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        compare_rates([1], [1], [0], np.random.default_rng(0))
