"""Holm's correction, against the worked definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from earmark.scoring.multiple import holm


def test_values_worked_out_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04, the last raised to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.2]) == [0.2] and holm([0.9, 0.9]) == [1.0, 1.0]


def test_it_is_the_closed_test_of_bonferroni() -> None:
    # Holm rejects what every intersection containing it rejects by Bonferroni (Marcus et al. 1976).
    values = np.random.default_rng(0).uniform(0, 0.4, 5).tolist()
    sets = [s for n in range(1, 6) for s in itertools.combinations(range(5), n)]
    closed = [max(min(1.0, len(s) * min(values[i] for i in s)) for s in sets if k in s) for k in range(5)]
    assert holm(values) == pytest.approx(closed)
