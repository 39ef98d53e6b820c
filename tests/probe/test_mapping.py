"""The map: the same every time, every label on it, like clips side by side."""

from __future__ import annotations

from collections import Counter

import numpy as np

from earmark.systems.embeddings.probe.mapping import FEWEST, mapped, sample


def test_map_is_deterministic_and_balanced(vectors):
    data = vectors(sources=40)
    first = mapped(data, 60, 0)
    assert first == mapped(data, 60, 0)
    assert first["method"] == "PCA and t-SNE" and first["clips"] == 200
    assert set(Counter(point["label"] for point in first["points"]).values()) == {15}
    assert sample(data, 60, 1) != sample(data, 60, 0)


def test_neighbours_on_the_map_of_clear_clusters_have_the_same_label(vectors):
    points = mapped(vectors(signal=8), 500, 0)["points"]
    places = np.array([(point["x"], point["y"]) for point in points])
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.diag([np.inf] * len(points))
    labels = np.array([point["label"] for point in points])
    assert np.mean(labels[apart.argmin(1)] == labels) > 0.95


def test_few_clips_fall_back_to_main_components_and_say_so(vectors):
    small = mapped(vectors(sources=8, per_source=3), 500, 0)
    assert len(small["points"]) < FEWEST and small["method"] == "PCA"
    narrow = mapped(vectors(sources=8, per_source=1, width=1), 500, 0)
    assert {point["y"] for point in narrow["points"]} == {0.0}
