"""Metrics equal scikit-learn's on the same predictions; intervals do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from earmark.scoring.classification import score
from earmark.scoring.intervals import bootstrap_indices, bounded, wilson


def random_answers(seed: int, n: int = 120):
    rng = np.random.default_rng(seed)
    classes = np.array(["blues", "jazz", "rock", "waltz"])
    truth = rng.choice(classes, n)
    predicted = [
        None if rng.random() < 0.1 else (t if rng.random() < 0.6 else rng.choice(classes)) for t in truth
    ]
    letters = rng.choice(list("ABCD"), n)
    chosen = [None if p is None else rng.choice(list("ABCD")) for p in predicted]
    return list(truth), predicted, list(letters), chosen


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_scikit_learn(seed):
    truth, predicted, letters, chosen = random_answers(seed)
    metrics, table = score(truth, predicted, letters, chosen, resamples=100, seed=0)
    # Scikit-learn knows no "no answer": a name that is no class, left out of the averaged labels.
    filled, labels = [p or "none" for p in predicted], sorted(set(truth))
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(truth, filled))
    for name, average in (("f1_macro", "macro"), ("f1_weighted", "weighted")):
        expected = f1_score(truth, filled, labels=labels, average=average, zero_division=0)
        assert metrics[name]["value"] == pytest.approx(expected)
    for average in ("macro", "weighted"):
        by_letter = f1_score(letters, [c or "none" for c in chosen], labels=list("ABCD"), average=average)
        assert metrics[f"f1_{average}_letters"]["value"] == pytest.approx(by_letter)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, filled, labels=labels, zero_division=0
    )
    for i, row in enumerate(table):
        assert row["class"] == labels[i] and row["n"] == support[i]
        assert row["precision"] == pytest.approx(precision[i])
        assert row["accuracy"]["value"] == pytest.approx(recall[i])
        assert row["f1"] == pytest.approx(f1[i])


def test_the_error_of_f1_is_that_of_a_literal_bootstrap_and_accuracy_has_wilsons_interval():
    truth, predicted, letters, chosen = random_answers(7, n=60)
    metrics, _ = score(truth, predicted, letters, chosen, resamples=200, seed=3)
    values = []
    for indices in bootstrap_indices(60, 200, 3):
        t, p = [truth[i] for i in indices], [predicted[i] or "none" for i in indices]
        present = sorted((set(t) | set(p)) - {"none"})
        values.append(f1_score(t, p, labels=present, average="macro", zero_division=0))
    found = metrics["f1_macro"]
    expected = bounded(found["value"], float(np.std(values)) * np.sqrt(60 / 59), 60)
    assert (found["low"], found["high"]) == pytest.approx((expected["low"], expected["high"]))
    right = sum(t == p for t, p in zip(truth, predicted, strict=True))
    assert (metrics["accuracy"]["low"], metrics["accuracy"]["high"]) == wilson(right, 60)


def test_all_right_does_not_claim_certainty():
    metrics, _ = score(["a"] * 10, ["a"] * 10, ["A"] * 10, ["A"] * 10, resamples=100, seed=0)
    for found in metrics.values():
        assert (found["value"], found["high"]) == (1, 1)
        assert found["low"] == pytest.approx(0.7225, abs=1e-3)


def test_all_wrong_does_not_either():
    metrics, _ = score(["a", "b"] * 5, [None] * 10, ["A", "B"] * 5, [None] * 10, resamples=100, seed=0)
    for found in metrics.values():
        assert (found["value"], found["low"]) == (0, 0)
        assert found["high"] == pytest.approx(0.2775, abs=1e-3)


def test_nothing_scored_gives_no_number():
    metrics, table = score([], [], [], [], resamples=100, seed=0)
    assert metrics["accuracy"] == {"value": None, "low": None, "high": None, "n": 0, "interval": "wilson"}
    assert table == []
