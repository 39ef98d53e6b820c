"""Which tokens are merged into which, and what comes out."""

from itertools import pairwise

import pytest
import torch
from merging_loop import average, merged
from torch import Tensor

from earmark.merging.matching import add_by_matrix, match


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("protected", [0, 1, 2])
@pytest.mark.parametrize(("tokens", "r"), [(12, 3), (13, 4), (9, 1), (26, 12), (27, 99), (4, 1), (5, 2)])
def test_merging_equals_a_loop_over_tokens(protected: int, tokens: int, r: int) -> None:
    # given tokens some of which were merged before
    metric, x = drawn(2, tokens, 6), drawn(2, tokens, 4, seed=1)
    sizes = torch.randint(1, 5, (2, tokens), generator=torch.Generator().manual_seed(2)).double()
    # when they are merged, and merged again by the book
    plan = match(metric, r, protected=protected)
    assert plan is not None
    means, merged_sizes = plan.average(x, sizes)
    for row in range(2):
        groups = merged(metric[row].tolist(), r, protected)
        expected, totals = average(groups, x[row].tolist(), sizes[row].tolist())
        # then places, means and sizes are the same
        assert [
            sorted(torch.nonzero(plan.slots()[row] == place).flatten().tolist())
            for place in range(len(groups))
        ] == [sorted(group) for group in groups]
        torch.testing.assert_close(
            means[row], torch.tensor(expected, dtype=torch.float64), rtol=1e-13, atol=1e-13
        )
        assert merged_sizes[row].tolist() == totals


def test_summing_and_dividing_is_the_average() -> None:
    metric, x = drawn(3, 21, 6), drawn(3, 21, 4, seed=1)
    sizes = torch.randint(1, 5, (3, 21), generator=torch.Generator().manual_seed(2)).double()
    plan = match(metric, 5, protected=2)
    assert plan is not None
    sums, totals = plan.merge(x * sizes[..., None]), plan.merge(sizes[..., None])
    torch.testing.assert_close(plan.average(x, sizes)[0], sums / totals)


@pytest.mark.parametrize(("tokens", "r", "protected"), [(3, 5, 2), (2, 5, 1), (10, 0, 2), (1, 1, 0)])
def test_where_nothing_can_be_merged_there_is_no_plan(tokens: int, r: int, protected: int) -> None:
    assert match(drawn(1, tokens, 3), r, protected=protected) is None


def test_the_special_tokens_stay_first_and_alone_even_if_they_match_best() -> None:
    # given a class token like an odd one and a distillation token like an even one
    metric = drawn(1, 20, 6)
    metric[0, 7], metric[0, 4] = metric[0, 0], metric[0, 1]
    # when as many as possible are merged, three times
    source = torch.arange(20)[None]
    for _ in range(3):
        plan = match(metric, 99, protected=2)
        assert plan is not None
        source = plan.slots().gather(1, source)
        metric = plan.average(metric, None)[0]
    # then nothing came to them and they did not move
    assert (source == 0).sum() == (source == 1).sum() == 1
    assert source[0, :2].tolist() == [0, 1]


def test_equal_tokens_are_merged_in_the_order_they_stand_in() -> None:
    plan = match(torch.ones(2, 11, 3), 2, protected=2)
    assert plan is not None
    assert plan.sources.tolist() == [2, 4, 11 + 2, 11 + 4]
    left = [0, 1, 6, 8, 10, 3, 5, 7, 9]
    assert plan.left.tolist() == [*left, *(11 + token for token in left)]


def test_a_silent_token_has_no_direction_and_breaks_nothing() -> None:
    metric = drawn(1, 12, 4)
    metric[0, 5] = 0
    plan = match(metric, 3, protected=2)
    assert plan is not None
    assert torch.isfinite(plan.average(metric, None)[0]).all()


def test_rows_do_not_see_each_other() -> None:
    metric, x = drawn(4, 30, 8), drawn(4, 30, 5, seed=1)
    together = match(metric, 6, protected=2)
    assert together is not None
    for row in range(4):
        alone = match(metric[row : row + 1], 6, protected=2)
        assert alone is not None
        assert torch.equal(alone.slots()[0], together.slots()[row])
        assert torch.equal(alone.average(x[row : row + 1], None)[0][0], together.average(x, None)[0][row])


def test_half_precision_is_matched_in_single() -> None:
    metric = drawn(1, 400, 16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        plan = match(metric, 60, protected=2)
    exact = match(metric.float(), 60, protected=2)
    assert plan is not None and exact is not None
    assert torch.equal(plan.slots(), exact.slots())


def test_a_token_that_nothing_comes_to_stays_as_it_is_to_the_last_bit() -> None:
    metric, x = drawn(1, 40, 8).float(), drawn(1, 40, 5, seed=1).float()
    plan = match(metric, 4, protected=2)
    assert plan is not None
    sizes = torch.full((1, 40), 3.0)
    untouched = [place for place in range(36) if place not in plan.into.tolist()]
    assert torch.equal(plan.average(x, sizes)[0][0, untouched], x[0, plan.left[untouched]])


def test_adding_by_product_is_adding_by_index() -> None:
    into = torch.tensor([[5, 5, 7], [6, 9, 6]])
    places, extra = drawn(2, 10, 3), drawn(2, 3, 3, seed=1)
    expected = [
        place.index_add(0, where, more) for place, where, more in zip(places, into, extra, strict=True)
    ]
    torch.testing.assert_close(add_by_matrix(places.clone(), extra, into, 5), torch.stack(expected))


def test_sums_are_the_same_every_time() -> None:
    metric, x = drawn(8, 500, 16).float(), drawn(8, 500, 64, seed=1).float()
    results = []
    for _ in range(3):
        plan = match(metric, 100, protected=2)
        assert plan is not None
        results.append(plan.average(x, None)[0])
    assert all(torch.equal(a, b) for a, b in pairwise(results))
