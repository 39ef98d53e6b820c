"""With `reference` on, selection is that of the published pseudocode, from prompt to kept tokens."""

from __future__ import annotations

import pytest
import torch
from reduction_models import AUDIO_BOS, AUDIO_EOS, inputs_for, tiny_model

from earmark.reduction.budget import Budget
from earmark.reduction.contract import Known, Reducer, Span
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load

AUDIO_TOKENS = (2250, 3000, 4500, 6000, 7500)
DROPS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 0.778)


def published(name: str, length: int, drop: float) -> int:
    """Kept tokens of a span of `length`, BOS and EOS included, in the order of operations as published."""
    if name == "dart":
        return 4 + 8 * int(length * (1 - drop) / 8)
    return max(int(length * (1 - drop)), 0 if name == "fastv" else 1)


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("name", ["dart", "fastv", "random", "frame"])
def test_counts_are_the_published_ones_at_every_length_of_the_benchmark(name: str, drop: float) -> None:
    method = load(name)
    for audio in AUDIO_TOKENS:
        budget = Budget(ratio=round(1 - drop, 3))
        assert method.reference_tokens(audio + 2, budget.drop) == published(name, audio + 2, drop)


@pytest.mark.parametrize("audio", AUDIO_TOKENS)
def test_frame_keeps_the_published_offsets(audio: int) -> None:
    length = audio + 2
    keep = published("frame", length, 0.7)
    method, mask = load("frame"), torch.ones(1, length, dtype=torch.bool)
    assert isinstance(method, Reducer)
    known = Known(
        hidden=torch.empty(1, length, 1),
        span=Span.of(mask, (length,)),
        text_after=~mask,
        budget=(keep,),
        norm=lambda states: states,
        reference=True,
    )
    offsets = method.select(known)[0].tolist()
    # as published: floor(i L / keep), so the token that opens the audio stays and the one that closes it goes
    assert offsets == [i * length // keep for i in range(keep)]
    assert offsets[0] == 0 and offsets[-1] < length - 1


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("family", ["omni", "qwen2audio"])
def test_fastv_keeps_the_largest_of_the_stock_models_last_attention_row(family: str, keep: float) -> None:
    inputs = inputs_for(family, "one")
    ids = inputs["input_ids"][0].tolist()
    # given the span as published: from the token that opens the audio to the one that closes it
    start, end = ids.index(AUDIO_BOS), ids.index(AUDIO_EOS)
    length = end - start + 1
    with torch.no_grad():
        maps = tiny_model(family, "eager")(**inputs, output_attentions=True).attentions
        with TokenReduction(
            tiny_model(family), load("fastv"), keep_ratio=keep, layer=2, reference=True
        ) as reduction:
            tiny_model(family)(**inputs)
    # when the map of layer K-1 is averaged over heads and cut to its last row
    row = maps[1][0, :, -1].mean(0)[start : end + 1]
    count = int(length * (1 - round(1 - keep, 12)))
    # then its largest are kept
    (record,) = reduction.records
    assert record.tokens_before == length and record.tokens_after == count
    assert record.kept.tolist() == sorted(row.topk(count).indices.tolist())


def test_the_drop_ratio_is_one_minus_the_keep_ratio_as_typed() -> None:
    assert [Budget(ratio=k).drop for k in (0.9, 0.7, 0.222, 0.1)] == [0.1, 0.3, 0.778, 0.9]
