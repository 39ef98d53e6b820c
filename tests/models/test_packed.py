"""Rows one behind the other give what each gives alone: states, and gradients of the weights."""

from __future__ import annotations

import pytest
import torch

from earmark.models import packed, tiny


@pytest.fixture(scope="module")
def language():
    sizes = tiny.Sizes(hidden=32, layers=3, heads=4, kv_heads=2, ffn=32)
    made = tiny.build(["rain"], ["What is heard?"] * 5, sizes, 0)
    return made.model.model.language_model.double()


def states(language, attention, embedded, positions, **options):
    language.config._attn_implementation = attention
    return language(
        inputs_embeds=embedded,
        position_ids=positions.expand(3, *embedded.shape[:2]),
        use_cache=False,
        **options,
    ).last_hidden_state


def gradients(language, found):
    language.zero_grad()
    found.square().sum().backward()
    return [weight.grad.clone() for weight in language.parameters() if weight.grad is not None]


@pytest.mark.parametrize("lengths", [(5, 3, 9, 1), (4,), (6, 6)])
def test_packed_rows_are_rows_alone(language, lengths):
    # given rows, and each through the model as transformers attends
    torch.manual_seed(0)
    rows = [torch.randn(1, n, 32, dtype=torch.float64) for n in lengths]
    alone = torch.cat([states(language, "sdpa", row, torch.arange(row.shape[1])) for row in rows], dim=1)
    wanted = gradients(language, alone)
    # when all go through it one behind the other
    places = torch.cat([torch.arange(n) for n in lengths])
    found = states(language, packed.NAME, torch.cat(rows, dim=1), places, lengths=lengths)
    # then nothing differs but the order of sums
    torch.testing.assert_close(found, alone, atol=1e-12, rtol=0)
    torch.testing.assert_close(gradients(language, found), wanted, atol=1e-10, rtol=1e-10)


def test_rows_of_one_length_go_side_by_side(language):
    torch.manual_seed(0)
    rows = torch.randn(3, 7, 32, dtype=torch.float64)
    found = states(language, packed.NAME, rows, torch.arange(7), lengths=None)
    assert torch.equal(found, states(language, "sdpa", rows, torch.arange(7)))


def test_padding_is_left_to_transformers(language):
    torch.manual_seed(0)
    rows, there = torch.randn(2, 7, 32, dtype=torch.float64), torch.ones(2, 7)
    there[0, :3] = 0
    found, wanted = (
        states(language, attention, rows, torch.arange(7), attention_mask=there)
        for attention in (packed.NAME, "sdpa")
    )
    assert torch.equal(found, wanted)
