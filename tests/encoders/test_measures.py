"""Metrics equal those of upstream's code on pairs that it was run on."""

from __future__ import annotations

import pytest

from earmark.core.errors import UserError
from earmark.systems.encoders.blocks import MetricArgs
from earmark.systems.encoders.measures import Item, scores
from earmark.systems.encoders.normal import normalised
from earmark.systems.encoders.report.ranking import ranks
from earmark.systems.encoders.table import overall

# prediction, target, accuracy, iWER, iCER: a real run of upstream's metric classes
PAIRS = [
    ("dog", "dog", 1, 1, 1), ("DOG BARK.", "dog bark", 1, 1, 1), ("dog_bark", "dogbark", 1, 1, 1),
    ("dog--bark", "dog bark", 1, 1, 1), ("dog\u2013bark", "dog bark", 0, 0, 0.875), ("it's", "its", 1, 1, 1),
    ("\uff24\uff2f\uff27", "dog", 1, 1, 1), ("dog", "", 0, 0, 0), ("  dog   bark ", "dog bark", 1, 1, 1),
    ("dog\u200bbark", "dogbark", 0, 0, 0.8571428571428572), ("CAF\u00c9", "caf\u00e9", 1, 1, 1),
    ("\u0130stanbul", "istanbul", 0, 0, 0.875), ("甚至 出现", "甚至出现", 0, 0, 0.75), ("a;b;c", "a;b;c", 1, 1, 1),
    ("a; b", "a;b", 0, 0, 0.5), ("\u00bd cup", "1/2 cup", 0, 0.5, 0.8333333333333334),
    ("one two three four", "one two three", 0, 0.6666666666666667, 0.6153846153846154),
]  # fmt: skip
SETS = [
    ("a;b", "a;b"), ("a", "a;b"), ("c", "a"), ("b;a", "a;b"), ("a; b", "a;b"), ("A;B", "a;b"), ("x;y", "c"),
    ("", "c"), ("bass-drum", "bass drum"), ("bass_drum", "bass drum"), ("a;a;b", "b;c"), ("c;", "c"),
    ("c", "c;"), ("a b", "a;b"), ("dog.", "dog"), ("dog;", "dog"),
]  # fmt: skip


def scored(metric, pairs, classes=None, hard=True, **more):
    items = [Item(str(i), said, [right], **more) for i, (said, right) in enumerate(pairs)]
    args = MetricArgs(num_classes=classes)
    return scores(metric, items, args, hard=hard, resamples=100, seed=0)


@pytest.mark.parametrize(("said", "right", "accuracy", "iwer", "icer"), PAIRS)
def test_a_pair_scores_as_upstream_scores_it(said, right, accuracy, iwer, icer):
    found = [scored(metric, [(said, right)]) for metric in ("Accuracy", "iWER", "iCER")]
    values = [each.metrics[each.headline]["value"] for each in found]
    assert values == pytest.approx([accuracy, iwer, icer])


@pytest.mark.parametrize(
    ("classes", "value"),
    [
        (7, 0.44583333333333336), (8, 0.3901041666666667), (9, 0.34675925925925927), (10, 0.3120833333333334),
        (41, 0.0761178861788618), (200, 0.015604166666666667),
    ],
)  # fmt: skip
def test_hard_average_precision_is_upstreams(classes, value):
    assert scored("mAP", SETS, classes).metrics["map_hard_labels"]["value"] == pytest.approx(value)


def test_fewer_classes_than_labels_end_in_one_line():
    with pytest.raises(UserError, match="num_classes is 5, and there are 6 labels in the data; raise it"):
        scored("mAP", SETS, 5)


def test_error_rates_pool_words_and_stop_at_zero():
    long = ("a b c d e f g h", "x")
    assert scored("iWER", [("a b", "a b"), ("c", "d")]).metrics["iwer"]["value"] == pytest.approx(2 / 3)
    found = scored("iWER", [long, long, long]).metrics["iwer"]
    assert (found["value"], found["low"]) == (0, 0)


def test_labels_ranked_by_likelihood_need_no_right_answer():
    items = [
        Item("0", "", ["a"], {"a": -1.0, "b": -3.0}),
        Item("1", "", ["b"], {"a": -4.0, "b": -2.0}),
        Item("2", "", ["a;b"], {"a": -2.0, "b": -1.0}),
    ]
    args = MetricArgs()
    found = scores("mAP", items, args, hard=False, resamples=100, seed=0)
    assert found.headline == "likelihood_ap" and found.metrics["likelihood_ap"]["value"] == 1
    assert found.metrics["set_f1"]["value"] == 0 and found.metrics["outside_labels"]["value"] == 1
    assert scores("mAP", items, args, hard=True, resamples=100, seed=0).headline == "map_hard_labels"


def test_of_several_references_the_best_counts():
    items = [Item("0", "a dog", ["the cat", "a dog barks"])]
    found = scores("iWER", items, {}, hard=False, resamples=100, seed=0)
    assert found.metrics["iwer"]["value"] == pytest.approx(2 / 3)


def test_normalisation_keeps_punctuation_where_labels_are_parted_by_it():
    assert normalised("Bass-Drum; it's") == "bass drum its"
    assert normalised("Bass-Drum; it's", punctuation=True) == "bass drum; it's"


def test_the_mean_is_weighted_and_leaves_out_what_was_not_computed():
    rows = [
        {"value": 0.5, "low": 0.4, "high": 0.7, "weight": 1}, {"value": 0.8, "low": 0.8, "high": 0.8, "weight": 3},
        {"value": None, "low": None, "high": None, "weight": 1},
    ]  # fmt: skip
    found = overall(rows)
    assert found["value"] == pytest.approx(0.725) and found["n"] == 2
    assert (found["low"], found["high"]) == (pytest.approx(0.7), pytest.approx(0.775))


def test_encoders_whose_intervals_overlap_share_a_rank():
    scores = {
        "a": {"value": 0.9, "low": 0.85, "high": 0.95}, "b": {"value": 0.8, "low": 0.7, "high": 0.88},
        "c": {"value": 0.5, "low": 0.4, "high": 0.6}, "d": {"value": None, "low": None, "high": None},
    }  # fmt: skip
    assert ranks(scores) == {"a": "1=", "b": "1=", "c": "3"}
