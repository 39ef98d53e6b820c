"""Prompts of a batch that attend by themselves: as transformers' sdpa does, and as each does alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from transformers import DynamicCache, Qwen2Config, Qwen2Model
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import causal_mask_function, sdpa_mask

from earmark.models import ragged
from earmark.models.chunks import in_chunks

LENGTHS = (23, 1, 40, 9)
WIDTH = max(LENGTHS)


def there() -> Tensor:
    return torch.arange(WIDTH) >= WIDTH - torch.tensor(LENGTHS)[:, None]


class Heads(nn.Module):
    is_causal = True
    num_key_value_groups = 2


def model(attention: str) -> Qwen2Model:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    config._attn_implementation = attention
    return Qwen2Model(config).eval()


@torch.no_grad()
def test_every_row_attends_as_it_does_alone_to_the_bit_and_as_under_a_mask_to_rounding() -> None:
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(4, 4, WIDTH, 8, generator=generator)
    key, value = torch.randn(2, 4, 2, WIDTH, 8, generator=generator)
    own, weights = ragged.attention(Heads(), query, key, value, there(), scaling=0.3)
    assert weights is None and own.shape == (4, WIDTH, 4, 8)
    whole = sdpa_mask(4, WIDTH, WIDTH, attention_mask=there())
    masked, _ = sdpa_attention_forward(Heads(), query, key, value, whole, scaling=0.3)
    for row, count in enumerate(LENGTHS):
        parts = (states[row : row + 1, :, -count:] for states in (query, key, value))
        alone, _ = sdpa_attention_forward(Heads(), *parts, None, scaling=0.3)
        assert torch.equal(own[row, -count:], alone[0])
        torch.testing.assert_close(own[row, -count:], masked[row, -count:], atol=1e-6, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("chunk", [None, 7, 39])
def test_a_padded_prefill_and_its_decoding_equal_transformers(chunk: int | None) -> None:
    ids = torch.randint(1, 50, (4, WIDTH), generator=torch.Generator().manual_seed(2))
    mask = there().long()
    found = []
    for attention in ("sdpa", ragged.NAME):
        decoder, cache = model(attention), DynamicCache()
        if chunk is not None:
            for layer in decoder.layers:
                in_chunks(layer, chunk)
        places = (mask.cumsum(1) - 1).clamp(min=0)
        states = decoder(ids, attention_mask=mask, position_ids=places, past_key_values=cache)
        grown = torch.cat([mask, mask[:, -1:]], dim=1)
        step = decoder(
            ids[:, :1], attention_mask=grown, position_ids=places[:, -1:] + 1, past_key_values=cache
        )
        found.append((states.last_hidden_state[there()], step.last_hidden_state))
    for own, its in zip(*found, strict=True):
        torch.testing.assert_close(own, its, atol=2e-6, rtol=1e-5)


def test_only_a_padded_prefill_without_gradients_goes_by_row() -> None:
    left, holes, whole = there(), there(), torch.ones(4, WIDTH, dtype=torch.bool)
    holes[2, 5] = False

    def kind(attention_mask: Tensor, queries: int = WIDTH, function: object = causal_mask_function) -> object:
        made = ragged.mask(4, queries, WIDTH, WIDTH - queries, 0, function, attention_mask)
        return None if made is None else made.dim()

    with torch.no_grad():
        assert kind(left) == 2
        assert kind(whole) is None
        assert kind(holes) == 4
        assert kind(left.flip(1)) == 4
        assert kind(left, queries=1) == 4
        assert kind(left, function=lambda batch, head, q, kv: kv <= q - 3) == 4
        assert not ragged.padded_on_the_left(torch.zeros(1, 4, dtype=torch.bool))
    assert kind(left) == 4  # gradients


def test_sdpa_is_what_goes_by_row_and_other_attention_stays() -> None:
    assert [ragged.implementation(name) for name in ("sdpa", "eager", "flash_attention_2")] == [
        ragged.NAME,
        "eager",
        "flash_attention_2",
    ]


def packed(decoder: Qwen2Model, rows: list[Tensor]) -> Tensor:
    """States of rows [1, n, width] that stand one behind the other."""
    lengths = [row.shape[1] for row in rows]
    places = torch.cat([torch.arange(n) for n in lengths])[None]
    own = {"attention_mask": ragged.UNMASKED, "lengths": lengths}
    return decoder(
        inputs_embeds=torch.cat(rows, 1), position_ids=places, use_cache=False, **own
    ).last_hidden_state


def gradients(decoder: Qwen2Model, states: Tensor) -> list[Tensor]:
    decoder.zero_grad()
    (states * torch.linspace(-1, 1, states.numel(), dtype=states.dtype).view_as(states)).sum().backward()
    return [weight.grad.clone() for weight in decoder.parameters() if weight.grad is not None]


@pytest.mark.parametrize("lengths", [LENGTHS, (4,), (6, 6)])
def test_rows_one_behind_the_other_are_rows_alone_in_training_too(lengths: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randn(1, n, 32, dtype=torch.float64, generator=generator) for n in lengths]
    theirs, ours = model("sdpa").double(), model(ragged.NAME).double()
    alone = torch.cat([theirs(inputs_embeds=row, use_cache=False).last_hidden_state for row in rows], dim=1)
    found = packed(ours, rows)
    torch.testing.assert_close(found, alone, atol=1e-12, rtol=0)
    torch.testing.assert_close(gradients(ours, found), gradients(theirs, alone), atol=1e-10, rtol=1e-10)


def test_rows_of_one_length_go_side_by_side_without_a_mask() -> None:
    rows = torch.randn(3, 7, 32, generator=torch.Generator().manual_seed(4))
    ours = model(ragged.NAME)(inputs_embeds=rows, attention_mask=ragged.UNMASKED, use_cache=False)
    theirs = model("sdpa")(inputs_embeds=rows, use_cache=False)
    assert torch.equal(ours.last_hidden_state, theirs.last_hidden_state)
