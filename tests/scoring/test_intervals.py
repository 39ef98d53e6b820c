"""Intervals hold what they claim to hold: 95 times in 100, near 0 and 1 too.

Coverage of a share is computed exactly, from the binomial distribution. It jumps from one p to the next,
since n answers can come out in n + 1 ways only (at n = 10 and p = 0.99 no interval has between 90.4 and
99.6 %), so what is bounded is its mean over p within a tenth. The rest is simulated with fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln
from scipy.stats import binom, binomtest, norm, t

from earmark.scoring.classification import confusion, f1_macro
from earmark.scoring.intervals import bounded, metric, rate, ratio, share, wilson
from earmark.scoring.paired import compare, compare_rates, tango
from earmark.scoring.tagging import Run
from earmark.scoring.tagging import score as score_tags

SIZES = (10, 15, 20, 30, 50, 100, 160, 300, 1000)
RIGHT = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def held(found: list[dict], truth: float) -> float:
    return float(np.mean([each["low"] - 1e-9 <= truth <= each["high"] + 1e-9 for each in found]))


@pytest.mark.parametrize(("hits", "n"), [(0, 3), (3, 3), (159, 160), (160, 160), (7, 50)])
def test_a_share_has_wilsons_interval(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("n", SIZES)
def test_intervals_of_a_share_hold_it_93_to_97_times_in_100(n):
    counts = np.arange(n + 1)
    ends = np.array([wilson(int(hits), n) for hits in counts])
    for low, high in ((0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.99)):
        shares = np.linspace(low, high, 201)
        inside = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
        coverage = (binom.pmf(counts[:, None], n, shares) * inside).sum(0)
        assert 0.93 <= coverage.mean() <= 0.97, (n, low)


@pytest.mark.parametrize("n", (10, 30, 100, 1000))
def test_intervals_of_f1_hold_it_93_to_97_times_in_100(n):
    rng, hit = np.random.default_rng(n), []
    for right in RIGHT:
        truth, other = (rng.integers(0, 4, (150, n)) for _ in range(2))
        chosen = np.where(rng.random((150, n)) < right, truth, (truth + 1 + other % 3) % 4)
        found = [
            metric(lambda i, a=a, b=b: f1_macro(confusion(a[i], b[i], 4)), n, 100, 0)
            for a, b in zip(truth, chosen, strict=True)
        ]
        # What a test of this size gives on average: F1 of few answers is not that of many.
        hit.append(held(found, float(np.mean([each["value"] for each in found]))))
    assert 0.93 <= np.mean(hit) <= 0.975, hit


@pytest.mark.parametrize("n", (10, 30, 100, 1000))
def test_intervals_of_an_error_rate_hold_it_93_to_97_times_in_100(n):
    rng, hit = np.random.default_rng(n), []
    for wrong in (0.01, 0.03, 0.1, 0.3, 0.5):
        found = []
        for _ in range(400):
            length = rng.integers(3, 30, n)
            found.append(ratio(rng.binomial(length, rng.beta(30 * wrong, 30 * (1 - wrong), n)), length))
        hit.append(held(found, wrong))
    assert 0.93 <= np.mean(hit) <= 0.97 and min(hit) >= 0.92, hit


@pytest.mark.parametrize("n", (100, 600))
def test_intervals_of_mean_average_precision_hold_what_other_test_sets_give(n):
    rng, found = np.random.default_rng(n), []
    for _ in range(120):
        targets = rng.random((n, 10)) < 0.2
        targets[np.arange(10), np.arange(10)] = True
        run = Run("all", 0, [str(i) for i in range(n)], rng.standard_normal((n, 10)) + 2 * targets, targets)
        found.append(score_tags([run], list("abcdefghij"), "multi_label", 100, 0).metrics["mAP"])
    assert 0.9 <= held(found, float(np.mean([each["value"] for each in found]))) <= 0.99


def trinomial(n: int, gained: float, lost: float) -> tuple[np.ndarray, np.ndarray]:
    """All counts of pairs [(gained, lost)] that n can fall into, and the probability of each."""
    b, c = (each[np.add(*np.indices((n + 1, n + 1))) <= n] for each in np.indices((n + 1, n + 1)))
    logs = b * np.log(gained) + c * np.log(lost) + (n - b - c) * np.log1p(-gained - lost)
    return np.stack([b, c], 1), np.exp(
        gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1) + logs
    )


@pytest.mark.parametrize("n", (10, 30, 100))
def test_intervals_of_a_paired_difference_hold_it_at_least_93_times_in_100(n):
    """Few pairs that disagree can come out in few ways: intervals are then too wide, never too narrow."""
    ends, coverage = {}, []
    for right in RIGHT:
        for worse in (0.0, 0.05, 0.2):
            gained, lost = right * (1 - right + worse), (right - worse) * (1 - right)
            counts, chance = trinomial(n, gained, lost)
            likely = chance > 1e-9
            pairs = [tuple(pair) for pair in counts[likely].tolist()]
            ends |= {pair: tango(*pair, n) for pair in pairs if pair not in ends}
            hit = [ends[pair][0] <= gained - lost <= ends[pair][1] for pair in pairs]
            coverage.append(float(chance[likely] @ hit))
    assert min(coverage) >= 0.93, coverage
    assert np.mean(coverage) <= {10: 0.995, 30: 0.98, 100: 0.97}[n]


def test_paired_differences_of_error_rates_are_held():
    rng, found = np.random.default_rng(0), []
    for _ in range(600):
        length = rng.integers(3, 30, 100)
        theirs = rng.binomial(length, 0.1)
        ours = theirs + rng.binomial(length - theirs, 0.05)
        made = compare_rates(ours, theirs, length, rng, draws=10)
        found.append({"low": made.low, "high": made.high})
    assert 0.93 <= held(found, 0.9 * 0.05) <= 0.97


@pytest.mark.parametrize("gained", [3, 0])
def test_three_pairs_claim_no_certainty(gained):
    found = compare([True] * 3, [gained == 0] * 3)
    assert found.high - found.low > 0.9 and found.low < 0 < found.high
    rates = compare_rates([0] * 3, [5 if gained else 0] * 3, [5] * 3, np.random.default_rng(0))
    assert rates.low <= rates.difference <= rates.high and rates.high - rates.low > 0.5


@pytest.mark.parametrize(("gained", "lost", "n"), [(9, 3, 40), (1, 0, 44), (0, 5, 30), (20, 22, 60)])
def test_tangos_ends_are_where_the_score_test_turns(gained, lost, n):
    """The likeliest shares with a given difference are found by search here, not by their formula."""

    def statistic(apart: float) -> float:
        def unlikely(share: float) -> float:
            cells = np.array([share + apart, share, 1 - 2 * share - apart])
            return -float(np.array([gained, lost, n - gained - lost]) @ np.log(np.maximum(cells, 1e-300)))

        least, most = max(0.0, -apart), (1 - apart) / 2
        share = minimize_scalar(unlikely, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
        return (gained - lost - n * apart) / np.sqrt(n * (2 * share + apart - apart**2))

    low, high = tango(gained, lost, n)
    assert statistic(low) == pytest.approx(norm.ppf(0.975), abs=1e-3)
    assert statistic(high) == pytest.approx(norm.ppf(0.025), abs=1e-3)


def test_pairs_that_all_agree_leave_room_for_some_that_do_not():
    z = norm.ppf(0.975)
    assert tango(0, 0, 30) == pytest.approx((-(z**2) / (30 + z**2), z**2 / (30 + z**2)))


def test_effective_samples_are_solved_for_as_wilson_does():
    found = bounded(0.8, 0.05, 40)
    size, z = 0.8 * 0.2 / 0.05**2, t.ppf(0.975, 39)

    def off(p: float) -> float:
        return (0.8 - p) ** 2 - z * z * p * (1 - p) / size

    assert found["low"] == pytest.approx(brentq(off, 0, 0.8))
    assert found["high"] == pytest.approx(brentq(off, 0.8, 1))
    found = rate(1.3, 0.2, 40)
    assert found["low"] == pytest.approx(brentq(lambda r: (1.3 - r) ** 2 - (z * 0.2) ** 2 * r / 1.3, 0, 1.3))


def test_the_error_of_a_ratio_is_the_bootstraps():
    rng = np.random.default_rng(3)
    length = rng.integers(3, 30, 300)
    errors = rng.binomial(length, 0.2)
    found = ratio(errors, length)
    drawn = metric(lambda i: errors[i].sum(-1) / length[i].sum(-1), 300, 4000, 0)
    assert found["value"] == drawn["value"]
    assert found["high"] - found["low"] == pytest.approx(drawn["high"] - drawn["low"], rel=0.05)


def test_a_share_as_a_ratio_of_ones_is_nearly_wilsons():
    hits = [True] * 180 + [False] * 20
    found, expected = ratio(hits, [1] * 200, bounded), share(hits)
    assert (found["low"], found["high"]) == pytest.approx((expected["low"], expected["high"]), abs=1e-3)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="is no metric"):
        bounded(bad, 0.1, 10)
    with pytest.raises(ValueError, match="is no metric"):
        metric(lambda i: np.full(i.shape[:-1], bad), 10, 10, 0)
    scores = np.array([[0.5, bad], [0.1, 0.2]])
    with pytest.raises(ValueError, match="clip 0 for class 1 is"):
        Run("all", 0, ["x", "y"], scores, np.eye(2, dtype=bool))
