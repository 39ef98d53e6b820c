"""The order of a training: a function of seed and epoch, whoever loads it and wherever it starts."""

from itertools import chain

import numpy as np
import pytest
from scipy.sparse import csr_array
from torch.utils.data import WeightedRandomSampler

from earmark.core.errors import UserError
from earmark.systems.tagging.sampling import Order, Share, balanced_weights


def test_every_clip_comes_once_an_epoch_each_time_as_another_draw():
    order = Order(11, 4, seed=1)
    pairs = [order.epoch(epoch) for epoch in (1, 2)]

    assert [sorted(index for index, _ in epoch) for epoch in pairs] == [list(range(11))] * 2
    assert [index for index, _ in pairs[0]] != [index for index, _ in pairs[1]]
    assert [draw for epoch in pairs for _, draw in epoch] == list(range(22))
    assert order.epoch(2) == pairs[1]
    assert Order(11, 4, seed=2).epoch(1) != pairs[0]


def test_a_training_that_starts_later_goes_on_in_the_same_order():
    order = Order(11, 4, seed=1)
    whole = list(order.batches(0, 9))

    assert [len(batch) for batch in whole] == [4, 4, 3] * 3
    assert [order.batch_clips(step) for step in range(9)] == [4, 4, 3] * 3
    for first in range(9):
        assert list(order.batches(first, 9)) == whole[first:]


def test_processes_share_each_batch_and_none_goes_empty():
    order = Order(9, 4, seed=1)
    whole = list(order.batches(0, 3))
    shares = [list(Share(order, 0, 3, process, 2)) for process in (0, 1)]

    assert len(Share(order, 1, 3)) == 2
    for batch, first, second in zip(whole[:2], *shares):
        assert sorted(first + second) == sorted(batch)
    assert shares[0][2] == shares[1][2] == whole[2]


def test_balanced_weights_are_those_of_the_published_recipe():
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=np.float32)
    expected = [1000 / 3.01, 1000 / 3.01 + 1000 / 1.01, 1000 / 3.01, 0]
    assert balanced_weights(csr_array(labels)).tolist() == pytest.approx(expected)
    with pytest.raises(UserError, match="balanced needs labels"):
        balanced_weights(csr_array((3, 2), dtype=np.float32))


def test_balanced_sampling_draws_as_often_as_torchs_weighted_sampler():
    weights = np.array([1.0, 2.0, 5.0, 0.0])
    order = Order(4, 2, seed=1, weights=weights)
    drawn = np.bincount([i for i, _ in chain.from_iterable(map(order.epoch, range(1, 3001)))], minlength=4)
    torchs = np.bincount(list(WeightedRandomSampler(weights.tolist(), 12000)), minlength=4)

    assert drawn[3] == torchs[3] == 0
    assert drawn / 12000 == pytest.approx(torchs / 12000, abs=0.03)
