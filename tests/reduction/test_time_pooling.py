"""Time pooling: means of equal pieces before a decoder layer, each in the middle of what it stands for."""

from __future__ import annotations

import pytest
import torch
from reduction_models import inputs_for, tiny_model
from test_reduction_methods import known

from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.reduction.slots import with_slots


@pytest.mark.parametrize(
    ("length", "budget", "places"),
    [
        (9, 3, [1, 4, 7]),
        (10, 3, [1, 4, 7]),  # pieces of 3, 3 and 4
        (10, 4, [0, 3, 5, 8]),  # of 2, 3, 2 and 3
        (5, 1, [2]),
        (4, 4, [0, 1, 2, 3]),
    ],
)
def test_a_piece_stands_at_its_middle(length: int, budget: int, places: list[int]) -> None:
    found = load("time-pooling").reduce(known([length], [budget]))
    assert found.place.tolist() == [places]


@pytest.mark.parametrize("budget", [1, 7, 20, 29])
def test_the_states_are_the_means_that_average_pooling_makes(budget: int) -> None:
    given = known([30, 23], [budget, min(budget, 23)])
    counts = given.budget
    ours, theirs = (load(name).reduce(given) for name in ("time-pooling", "average-pooling"))
    made, its = (with_slots(given.hidden, given.span, each, counts) for each in (ours, theirs))
    for row, count in enumerate(counts):
        edges = [i * given.span.lengths[row] // count for i in range(count + 1)]
        states = given.span.take(given.hidden)[row]
        wanted = torch.stack([states[a:b].mean(0) for a, b in zip(edges, edges[1:])])
        for states_, reduced in ((made, ours), (its, theirs)):
            at = given.span.positions[row, reduced.place[row, :count]]
            torch.testing.assert_close(states_[row, at], wanted)


@torch.no_grad()
def test_it_acts_before_the_models_layer_and_the_record_counts_what_was_merged() -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "one")
    with TokenReduction(model, load("time-pooling"), keep_ratio=0.5, layer=2) as reduction:
        model(**inputs)
    (record,) = reduction.records
    assert record.layer == 2 and record.tokens_dropped == 0
    assert record.tokens_merged == record.tokens_before - record.tokens_after > 0
