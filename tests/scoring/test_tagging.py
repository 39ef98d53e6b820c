"""Tagging metrics against scikit-learn, resample by resample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from earmark.scoring import tagging
from earmark.scoring.intervals import bounded
from earmark.scoring.ranking import Ranking
from earmark.scoring.tagging import Run, score

CLASSES = ["a", "b", "c", "d", "absent", "everywhere"]


def made(n: int = 60, seed: int = 0, *, decimals: int = 1, fold: str = "all") -> Run:
    """A run with many ties; one class is never right, one always."""
    rng = np.random.default_rng([7, len(fold), *fold.encode()])
    targets = rng.random((n, len(CLASSES))) < [0.5, 0.2, 0.1, 0.05, 0, 1]
    rng = np.random.default_rng([seed, *fold.encode()])
    scores = np.round(rng.standard_normal(targets.shape) + targets, decimals)
    return Run(fold, seed, [f"{fold}{i}" for i in range(n)], scores, targets)


def oracle(run: Run, copies: np.ndarray) -> tuple[list[float], list[float]]:
    """Each class's average precision and AUC by scikit-learn, NaN where undefined."""
    keep = np.repeat(np.arange(len(copies)), copies.astype(int))
    precision, area = [], []
    for c in range(run.targets.shape[1]):
        y, s = run.targets[keep, c], run.scores[keep, c]
        precision.append(average_precision_score(y, s) if y.any() else np.nan)
        area.append(roc_auc_score(y, s) if y.any() and not y.all() else np.nan)
    return precision, area


@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_every_resample_equals_scikit_learn_on_the_resampled_clips(decimals):
    run = made(decimals=decimals)
    copies = np.random.default_rng(1).multinomial(60, [1 / 60] * 60, size=20).T
    precision, area = run.ranking.measure(copies.astype(np.float32))
    for r in range(copies.shape[1]):
        expected = oracle(run, copies[:, r])
        np.testing.assert_allclose(precision[:, r], expected[0], atol=1e-12)
        np.testing.assert_allclose(area[:, r], expected[1], atol=1e-12)


def test_the_mean_is_over_classes_with_positives_and_says_how_many():
    run = made()
    found = score([run], CLASSES, "multi_label", 100, 0)
    precision, area = oracle(run, np.ones(60))
    assert found.metrics["mAP"]["value"] == pytest.approx(np.nanmean(precision))
    assert found.metrics["mAUC"]["value"] == pytest.approx(np.nanmean(area))
    assert found.metrics["d_prime"]["value"] == pytest.approx(np.sqrt(2) * norm.ppf(np.nanmean(area)))
    assert found.per_run[0]["classes_with_positives"] == 5
    assert found.per_run[0]["classes_with_both"] == 4
    rows = {row["class"]: row for row in found.per_class}
    assert rows["absent"]["ap"]["value"] is None and rows["absent"]["positives"] == 0
    assert rows["everywhere"]["ap"]["value"] == 1 and rows["everywhere"]["auc"]["value"] is None
    assert rows["a"]["ap"]["value"] == pytest.approx(precision[0])


def test_the_error_is_that_of_the_naive_bootstrap():
    run = made()
    found = score([run], CLASSES, "multi_label", 150, 3)
    naive = []
    for drawn in tagging._draws({"all": tagging._clips([run], "all")}, 150, 3):
        order = np.argsort(np.argsort(run.clip_ids))
        naive += [np.nanmean(oracle(run, copies[order])[0]) for copies in drawn["all"].T]
    np.testing.assert_allclose(found.resampled["mAP"], naive, atol=1e-12)
    metric = found.metrics["mAP"]
    expected = bounded(metric["value"], float(np.std(naive)) * np.sqrt(60 / 59), 60)
    assert (metric["low"], metric["high"]) == pytest.approx((expected["low"], expected["high"]))


def test_intervals_of_a_mean_over_many_classes_hold_what_further_test_sets_give():
    """Resampled average precision is biased upward: percentiles alone would lie above most of these."""

    def drawn(number: int) -> Run:
        rng = np.random.default_rng([9, number])
        targets = rng.random((600, 120)) < 0.01
        scores = rng.standard_normal(targets.shape) + 2 * targets
        return Run("all", 0, [str(i) for i in range(600)], scores, targets)

    ones = np.ones((600, 1), np.float32)
    expected = np.mean([np.nanmean(drawn(i).ranking.measure(ones)[0]) for i in range(100, 150)])
    found = [score([drawn(i)], ["x"] * 120, "multi_label", 100, 0) for i in range(10)]
    held = [each.metrics["mAP"]["low"] <= expected <= each.metrics["mAP"]["high"] for each in found]
    percentiles = [np.quantile(each.resampled["mAP"], 0.025) <= expected for each in found]
    assert sum(held) >= 8 and sum(percentiles) <= 5


def test_one_clip_is_scored_without_inventing_numbers():
    run = Run("all", 0, ["x"], np.array([[0.3, 0.1]]), np.array([[True, False]]))
    found = score([run], ["a", "b"], "single_label", 100, 0)
    assert found.metrics["accuracy"]["value"] == 1
    assert found.metrics["accuracy"]["low"] == pytest.approx(0.2065, abs=1e-3), "Wilson's, of one clip"
    assert (found.metrics["mAP"]["value"], found.metrics["mAP"]["low"]) == (
        1,
        found.metrics["accuracy"]["low"],
    )
    assert found.metrics["mAUC"]["value"] is None and found.metrics["mAUC"]["low"] is None
    assert found.per_run[0]["classes_with_both"] == 0


def test_a_perfect_order_has_no_finite_d_prime():
    targets = np.eye(2, dtype=bool)[[0, 1] * 5]
    found = score(
        [Run("all", 0, list("abcdefghij"), targets * 2.0, targets)], ["a", "b"], "single_label", 100, 0
    )
    assert found.metrics["mAUC"]["value"] == 1 and found.metrics["d_prime"]["value"] is None


def test_accuracy_pools_the_folds_and_mean_average_precision_averages_them():
    runs = [made(40, fold="one"), made(20, fold="two")]
    found = score(runs, CLASSES, "single_label", 100, 0)
    hits = np.concatenate([run.targets[np.arange(len(run.targets)), run.scores.argmax(1)] for run in runs])
    assert found.metrics["accuracy"]["value"] == pytest.approx(hits.mean())
    each = [np.nanmean(oracle(run, np.ones(len(run.clip_ids)))[0]) for run in runs]
    assert found.metrics["mAP"]["value"] == pytest.approx(np.mean(each))
    assert found.metrics["accuracy"]["n"] == 60


def test_the_best_class_counts_among_the_labels_of_clips_that_have_any():
    targets = np.array([[True, True, False], [False, False, True], [False, False, False]])
    scores = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.5], [1.0, 0.0, 0.0]])
    found = score([Run("all", 0, ["x", "y", "z"], scores, targets)], ["a", "b", "c"], "multi_label", 100, 0)
    assert found.metrics["top1_in_labels"]["value"] == 0.5 and found.metrics["top1_in_labels"]["n"] == 2
    assert "accuracy" not in found.metrics


def test_the_spread_over_seeds_is_told_apart_from_the_interval_over_clips():
    runs = [made(seed=seed) for seed in (0, 1, 2)]
    found = score(runs, CLASSES, "multi_label", 200, 0)
    each = [score([run], CLASSES, "multi_label", 100, 0).metrics["mAP"]["value"] for run in runs]
    spread = found.metrics["mAP"]["seeds"]
    assert found.metrics["mAP"]["value"] == pytest.approx(np.mean(each))
    assert (spread["min"], spread["max"]) == pytest.approx((min(each), max(each)))
    assert spread["sd"] == pytest.approx(np.std(each, ddof=1)) and spread["n"] == 3
    assert found.metrics["mAP"]["n"] == 60, "three looks at a clip are one clip"


def test_results_on_the_same_clips_draw_the_same_resamples_whatever_their_order():
    run = made()
    order = np.random.default_rng(0).permutation(60)
    ids = [run.clip_ids[i] for i in order]
    other = Run("all", 5, ids, run.scores[order], run.targets[order])
    assert tagging.clips_digest([run]) == tagging.clips_digest([other])
    first, second = (score([each], CLASSES, "multi_label", 100, 0).resampled["mAP"] for each in (run, other))
    np.testing.assert_array_equal(first, second)


def test_other_labels_make_other_clips():
    run = made()
    flipped = run.targets.copy()
    flipped[0, 0] ^= True
    assert tagging.clips_digest([run]) != tagging.clips_digest(
        [Run("all", 0, run.clip_ids, run.scores, flipped)]
    )


def test_a_class_missing_from_a_resample_is_left_out_of_that_one():
    ranking = Ranking(np.array([[1.0], [0.0], [0.5]]), np.array([[True], [False], [False]]))
    precision, area = ranking.measure(np.array([[1, 0], [1, 2], [1, 1]], np.float32))
    assert precision[0, 0] == 1 and np.isnan(precision[0, 1]) and np.isnan(area[0, 1])
