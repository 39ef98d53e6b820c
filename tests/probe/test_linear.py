"""The probe is scikit-learn's, no recording is on both sides, and its interval is honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from earmark.core.errors import UserError
from earmark.systems.embeddings.probe import linear
from earmark.systems.embeddings.probe.linear import ENOUGH, STRENGTHS, probe, source_groups, split


def slow_probe(vectors, train, test, folds):
    """The textbook: scale, search and fit by scikit-learn's own tools."""
    labels = np.array(vectors.labels)
    groups = np.array([int(source[0].removeprefix("recording")) for source in vectors.sources])
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
        {"logisticregression__C": STRENGTHS},
        cv=StratifiedGroupKFold(folds, shuffle=True, random_state=0),
    )
    search.fit(vectors.values[train], labels[train], groups=groups[train])
    return search.best_params_["logisticregression__C"], search.predict(vectors.values[test])


@pytest.mark.parametrize("width", [6, 200], ids=["narrow", "wider than there are clips"])
@pytest.mark.parametrize("seed", range(3))
def test_probe_equals_a_slow_one_of_scikit_learn(vectors, seed, width):
    data = vectors(seed=seed, width=width, signal=4 / width**0.5)
    splits, labels = np.array(data.splits), np.array(data.labels)
    test = np.flatnonzero(splits == "test")
    strength, guessed = slow_probe(data, splits == "train", test, linear.INNER)

    found = probe(data, split(data, 0), 0)

    assert found["C"] == [strength]
    assert found["accuracy"]["value"] == accuracy_score(labels[test], guessed)
    assert found["f1_macro"] == pytest.approx(f1_score(labels[test], guessed, average="macro"))
    assert (found["n_train"], found["n_test"], found["test_sources"]) == (90, 30, 6)
    assert found["chance"] == max(np.mean(labels[test] == name) for name in set(labels))


def test_data_of_one_split_are_tested_in_folds_by_source(vectors):
    data = replace(vectors(signal=3), splits=["test"] * 120)
    parts = split(data, 0)
    assert parts.kind == "grouped folds"
    assert sorted(i for _, test in parts.folds for i in test) == list(range(120))
    sources = np.array([source[0] for source in data.sources])
    assert not any(set(sources[train]) & set(sources[test]) for train, test in parts.folds)
    assert probe(data, parts, 0)["n_test"] == 120


def test_a_source_on_both_sides_is_refused(vectors):
    data = vectors()
    train, test = data.splits.index("train"), data.splits.index("test")
    data.sources[test] = (*data.sources[test], *data.sources[train])
    with pytest.raises(UserError, match=r"share an original recording"):
        split(data, 0)


def test_a_source_shared_by_way_of_a_third_clip_is_one_group():
    groups = source_groups([("a",), ("b", "c"), ("d",), ("a", "b"), ("c",)])
    assert groups[0] == groups[1] == groups[3] == groups[4] != groups[2]


def test_folds_that_choose_the_strength_are_by_source_too(vectors, monkeypatch):
    data, seen = vectors(), []
    sides = linear.grouped_folds

    def spied(y, groups, folds, seed):
        for train, test in sides(y, groups, folds, seed):
            seen.append(set(groups[train]) & set(groups[test]))
            yield train, test

    monkeypatch.setattr(linear, "grouped_folds", spied)
    probe(data, split(data, 0), 0)
    assert len(seen) == linear.INNER and not any(seen)


@pytest.mark.parametrize("per_source", [1, 5], ids=["wilson", "score over sources"])
def test_random_labels_give_an_interval_that_contains_chance(vectors, per_source):
    covered = []
    for seed in range(8):
        data = vectors(sources=240 // per_source, per_source=per_source, signal=0, test_share=0.5, seed=seed)
        found = probe(data, split(data, 0), 0)["accuracy"]
        covered.append(found["low"] <= 0.25 <= found["high"])
    assert found["interval"] == ("wilson" if per_source == 1 else "score over sources")
    assert sum(covered) >= 7


def test_clips_of_few_sources_make_the_interval_wider_or_say_nothing_of_others(vectors):
    many = vectors(sources=80, per_source=6, signal=0.6)
    alike = probe(many, split(many, 0), 0)["accuracy"]
    alone = replace(many, sources=[(clip,) for clip in many.clip_ids])
    independent = probe(alone, split(alone, 0), 0)["accuracy"]
    assert alike["high"] - alike["low"] > independent["high"] - independent["low"]
    few = vectors(sources=ENOUGH)
    assert probe(few, split(few, 0), 0)["accuracy"]["interval"] == "wilson"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["one"] * 120}, "two labels or more"),
        (
            {"splits": ["test"] * 120, "labels": ["rare"] * 5 + ["common"] * 115},
            "label 'rare' has one original recording",
        ),
        (
            {"splits": ["test"] * 60 + ["train"] * 60, "labels": ["a"] * 30 + ["b"] * 90},
            "all training clips have the label 'b'",
        ),
    ],
)
def test_data_that_cannot_be_probed_are_refused_in_one_line(vectors, change, message):
    with pytest.raises(UserError, match=message):
        split(replace(vectors(), **change), 0)


def test_one_training_source_is_enough_to_be_probed(vectors):
    data = vectors()
    lone = replace(data, sources=[("a",) if name == "train" else ("b",) for name in data.splits])
    assert probe(lone, split(lone, 0), 0)["C"] == [linear.DEFAULT]
