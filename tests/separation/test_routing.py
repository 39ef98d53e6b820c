"""Domains, routers and what they choose, on made-up numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earmark.core.errors import UserError
from earmark.systems.separation import partition, soft
from earmark.systems.separation.routing import base, fallback, oracle, score, text
from earmark.systems.separation.routing.contract import Options, Sample, entropy, shares

OPTIONS = Options(("domain-0", "domain-1"), unsure_above=0.7)
SURE = Sample(
    (0.1, 0.9), {"base": 0.2, "domain-0": 0.5, "domain-1": 0.4}, {"base": 1, "domain-0": 2, "domain-1": 3}
)
UNSURE = Sample((0.5, 0.5), SURE.likeness, SURE.sdri)


def blobs(classes: int = 6, each: int = 5) -> tuple[np.ndarray, list[list[str]]]:
    """Clips of classes in three groups that lie apart; names sort against the groups."""
    rng = np.random.default_rng(0)
    centres = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    vectors = [centres[n] + 0.05 * rng.standard_normal(3) for n in range(classes) for _ in range(each)]
    labels = [[f"class {n}"] for n in range(classes) for _ in range(each)]
    return np.asarray(vectors, np.float32), labels


def test_every_router_takes_what_it_says() -> None:
    assert base.choose(SURE, OPTIONS) == "base"
    assert text.choose(SURE, OPTIONS) == "domain-1"
    assert score.choose(SURE, OPTIONS) == "domain-0"
    assert oracle.choose(SURE, OPTIONS) == "domain-1"
    assert fallback.choose(SURE, OPTIONS) == "domain-1"
    assert fallback.choose(UNSURE, OPTIONS) == "base"


def test_entropy_is_a_share_of_the_greatest() -> None:
    assert entropy((0.25,) * 4) == pytest.approx(1)
    assert entropy((1.0, 0.0)) == 0


def test_a_query_s_domains_are_those_of_the_nearest_names() -> None:
    classes = np.eye(3)
    found = shares(np.array([[0.0, 0.6, 0.8], [1, 0, 0]]), classes, [0, 1, 1], 2, temperature=0.05)
    assert np.allclose(found.sum(1), 1)
    assert found[0, 1] > 0.99 and found[1, 0] > 0.99


def test_classes_that_sound_alike_are_found_and_named_by_their_first() -> None:
    vectors, labels = blobs()
    found = partition.grouped(partition.means(vectors, labels, False), 3, seed=1, as_published=False)
    assert [each.classes for each in found] == [(f"class {n}", f"class {n + 3}") for n in range(3)]
    assert [each.name for each in found] == ["domain-0", "domain-1", "domain-2"]
    for seed in (2, 3):
        assert partition.grouped(partition.means(vectors, labels, False), 3, seed, False) == found


def test_the_right_number_of_domains_has_the_best_silhouette_and_is_stable() -> None:
    vectors, labels = blobs()
    rows = {row["domains"]: row for row in partition.curve(vectors, labels, [2, 3, 4, 9], 0, False)}
    assert set(rows) == {2, 3, 4}, "no more domains than classes"
    assert max(rows, key=lambda k: rows[k]["silhouette"]) == 3
    assert rows[3]["stability"] == 1
    assert rows[2]["inertia"] > rows[3]["inertia"] > rows[4]["inertia"]


def test_a_clip_of_two_labels_counts_half_for_each() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    found = partition.means(vectors, [["a"], ["a", "b"]], False)
    assert np.allclose(found.means[0], np.array([2, 1]) / np.sqrt(5))
    published = partition.means(vectors, [["a"], ["a", "b"]], True)
    assert np.allclose(published.means[0], [0.5, 0.5]), "not scaled, and whole"


def test_a_user_s_own_domains_must_hold_every_class_once() -> None:
    names = ("dog", "rain")
    [one, two] = partition.given({"alive": ["dog"], "weather": ["rain"]}, names)
    assert (one.name, two.classes) == ("alive", ("rain",))
    for groups, said in (
        ({"alive": ["dgo"], "weather": ["rain"]}, "unknown class 'dgo'; did you mean 'dog'"),
        ({"alive": ["dog"], "weather": ["rain", "dog"]}, "'dog' is in alive and in weather"),
        ({"alive": ["dog"]}, "'rain' is in no group"),
    ):
        with pytest.raises(UserError, match=said):
            partition.given(groups, names)
    with pytest.raises(UserError, match="9 domains of 6 classes"):
        partition.grouped(partition.means(*blobs(), False), 9, 0, False)


def test_merged_weights_are_their_weighted_mean_and_statistics_those_of_the_mixture() -> None:
    base_, one, two = ({"w": torch.tensor([v]), "n.running_mean": torch.tensor([m]), "n.running_var": torch.tensor([s])}
                       for v, m, s in ((1.0, 0.0, 1.0), (3.0, 0.0, 1.0), (5.0, 2.0, 1.0)))  # fmt: skip
    found = soft.merged(base_, [one, two], [0.5, 0.5])
    assert found["w"].item() == 4
    assert found["n.running_mean"].item() == 1
    assert found["n.running_var"].item() == pytest.approx(2), "1 within, and 1 between means of 0 and 2"
    assert soft.merged(base_, [one, two], [1.0, 0.0])["w"].item() == 3
    assert soft.merged(base_, [one], [0.25])["w"].item() == 1.5


def test_classes_that_sound_the_same_make_no_domains() -> None:
    vectors, labels = np.ones((6, 4), np.float32), [[name] for name in "aabbcc"]
    with pytest.raises(UserError, match="no more than 1 different sounds; lower it"):
        partition.grouped(partition.means(vectors, labels, False), 2, 0, False)
    assert partition.curve(vectors, labels, [2], 0, False) == []
