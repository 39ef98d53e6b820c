"""Each method chooses what its formula, written down a second time, chooses."""

import math
import random
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from reduction_models import AUDIO, ENCODER, LAYERS, TEXT, VOCAB, inputs_for, made_up, tiny_model
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from earmark.reduction.budget import Budget
from earmark.reduction.contract import Known, Prompt, Reducer, Span, first_of
from earmark.reduction.dart import set_order
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.reduction.probe import Probe


def known(
    lengths: list[int],
    budget: list[int],
    seed: int = 0,
    before: int = 2,
    after: int = 6,
    coarse: bool = False,
    **extra: object,
) -> Known:
    """Random states for rows of the given span lengths; `coarse` ones are full of exact ties."""
    draw = torch.Generator().manual_seed(seed)
    prompt = before + max(lengths) + after
    audio = torch.zeros(len(lengths), prompt, dtype=torch.bool)
    later = torch.zeros_like(audio)
    for row, length in enumerate(lengths):
        audio[row, before : before + length] = True
        later[row, before + length :] = True
    hidden = torch.randn(len(lengths), prompt, 8, generator=draw)
    keys = torch.randn(len(lengths), 2, prompt, 4, generator=draw)
    if coarse:
        hidden = torch.eye(8)[torch.randint(8, hidden.shape[:2], generator=draw)]
        keys = torch.randint(-1, 2, keys.shape, generator=draw).float()
    span = Span.of(audio, tuple(lengths))
    scores = {n: torch.stack([made_up(n, max(lengths)) for _ in lengths]) for n in ENCODER}
    layer, tables = small_layer(draw), (torch.ones(1, prompt, 4), torch.zeros(1, prompt, 4))
    return Known(
        hidden=hidden,
        span=span,
        text_after=later,
        question=later,
        encoder=scores,
        probe=Probe(layer, hidden, tables, torch.ones_like(audio), keys),
        prompt=Prompt(hidden, span, later),
        origin=torch.arange(max(lengths)).expand(len(lengths), -1),
        budget=tuple(budget),
        norm=lambda states: states,
        keys=keys,
        attention=torch.rand(len(lengths), prompt, generator=draw),
        sample_ids=tuple(f"clip-{row}" for row in range(len(lengths))),
        starts=(0,) * len(lengths),
        **extra,  # type: ignore[arg-type]
    )


def small_layer(draw: torch.Generator) -> Any:
    """What a probe asks of a decoder layer: four query heads of width 4 on two of keys, no norm."""
    parts = {name: nn.Linear(8, width, bias=False) for name, width in (("q_proj", 16), ("k_proj", 8))}
    for part in parts.values():
        nn.init.normal_(part.weight, generator=draw).requires_grad_(False)
    attention = SimpleNamespace(**parts, head_dim=4, scaling=0.5)
    return SimpleNamespace(self_attn=attention, input_layernorm=nn.Identity())


def slow_dart(given: Known, row: int, audio_pivots: int, text_pivots: int) -> list[int]:
    """The published pseudocode, one token at a time; pivots in a set's order or ours, ties to the left."""
    assert given.keys is not None
    hidden, keys = given.hidden[row].tolist(), given.keys[row].tolist()
    span = [i for i, inside in enumerate(given.span.mask[row].tolist()) if inside]
    text = [i for i, inside in enumerate(given.text_after[row].tolist()) if inside]
    budget = given.budget[row]

    def strength(token: int) -> float:
        return sum(abs(value) for head in keys for value in head[token])

    def cosine(a: int, b: int) -> float:
        dot = sum(x * y for x, y in zip(hidden[a], hidden[b], strict=True))
        return dot / (math.hypot(*hidden[a]) * math.hypot(*hidden[b]))

    chosen_audio = sorted(span, key=lambda i: (-strength(i), i))[: min(audio_pivots, budget)]
    chosen_text = sorted(text, key=lambda i: (-strength(i), i))[:text_pivots]
    pivots = chosen_audio + chosen_text
    if given.reference:
        start = given.starts[row]
        pivots = [i + start for i in {i - start for i in chosen_audio} | {i - start for i in chosen_text}]
    kept, pool = set(chosen_audio), [i for i in span if i not in chosen_audio]
    left = budget - len(chosen_audio)
    for turn, pivot in enumerate(pivots):
        share = left // len(pivots) + (turn < left % len(pivots))
        picks = sorted(pool, key=lambda i: (cosine(pivot, i), i))[:share]
        kept |= set(picks)
        pool = [i for i in pool if i not in picks]
    return sorted(span.index(i) for i in kept)


def rows_of(offsets: Tensor) -> list[list[int]]:
    """Offsets without their padding, which must stand at the end."""
    rows = [[i for i in row if i >= 0] for row in offsets.tolist()]
    assert all(row[len(r) :] == [-1] * (len(row) - len(r)) for row, r in zip(offsets.tolist(), rows))
    return rows


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_dart_chooses_what_its_pseudocode_chooses(seed: int, coarse: bool) -> None:
    dice = random.Random(seed)
    lengths = [dice.randint(1, 60) for _ in range(3)]
    budget = [dice.randint(1, length) for length in lengths]
    pivots = (dice.randint(1, 6), dice.randint(0, 6))
    given = known(lengths, budget, seed, after=dice.randint(0, 8), coarse=coarse)
    found = load("dart", {"audio_pivots": pivots[0], "text_pivots": pivots[1]}).select(given)
    assert rows_of(found) == [slow_dart(given, row, *pivots) for row in range(3)]


TABLE = {
    2252: (2028, 1580, 1124, 900, 676, 228, 500),
    3002: (2700, 2100, 1500, 1204, 900, 300, 668),
    4502: (4052, 3148, 2252, 1804, 1348, 452, 996),
    6002: (5404, 4204, 3004, 2404, 1804, 604, 1332),
    7502: (6748, 5252, 3748, 3004, 2252, 748, 1668),
}
DROPS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 0.778)


@pytest.mark.parametrize("length", TABLE)
@pytest.mark.parametrize("column", range(7))
def test_dart_in_reference_mode_keeps_the_published_number(length: int, column: int) -> None:
    for keep in (1 - DROPS[column], round(1 - DROPS[column], 3)):
        kept = load("dart").reference_tokens(length, Budget(ratio=keep).drop)
        assert kept == TABLE[length][column]


@pytest.mark.parametrize("seed", range(20))
def test_dart_in_reference_mode_gives_every_pivot_the_same_share(seed: int) -> None:
    # given a span with its two ends and a drop ratio
    dice = random.Random(seed)
    length, drop = dice.randint(20, 90), dice.choice(DROPS[1:])
    dart = load("dart")
    budget = dart.reference_tokens(length, drop)
    given = known([length], [budget], seed, reference=True)
    # when the shares are counted as published
    share = int(length * (1 - drop) / 8)
    # then nothing is left over, and the choice is that of the pseudocode
    assert budget == 4 + 8 * share
    assert rows_of(dart.select(given)) == [slow_dart(given, 0, 4, 4)]


@pytest.mark.parametrize("start", [0, 3, 40])
def test_dart_in_reference_mode_does_not_see_the_padding_of_a_batch(start: int) -> None:
    order = set_order([[8 + start, 40 + start, 3 + start, 0]], [[True, True, True, False]], 2, [start])
    assert [[8, 40, 3][index] for index in order[0][:3]] == list({8, 40} | {3}) and order[0][3] == 3


@pytest.mark.parametrize(
    ("length", "keep", "step", "token"), [(7502, 5626, 2813, 3750), (3002, 1500, 1499, 2999)]
)
def test_frame_in_reference_mode_steps_by_floats(length: int, keep: int, step: int, token: int) -> None:
    given = known([length], [keep], reference=True)
    (kept,) = rows_of(load("frame").select(given))
    assert kept[step] == token == int(step * (length / keep)) and len(set(kept)) == keep


@pytest.mark.parametrize("case", ["one", "padded"])
@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("reference", [False, True])
def test_dart_sees_the_keys_and_normed_states_of_the_model(layer: int, case: str, reference: bool) -> None:
    # given a spy that is handed the same as dart
    seen: list[Known] = []

    @dataclass(frozen=True)
    class Spy(type(load("dart"))):  # type: ignore[misc]
        def select(self, given: Known) -> Tensor:
            seen.append(given)
            return super().select(given)

    model, inputs = tiny_model("omni"), inputs_for("omni", case)
    with TokenReduction(model, Spy(), keep_ratio=0.5, layer=layer, reference=reference) as spied:
        cache = model(**inputs).past_key_values
    # then the keys are the cached ones of the layer before, and the choice is the pseudocode's
    (given,) = seen
    assert given.keys is not None
    if layer:
        assert torch.equal(given.keys, cache.layers[layer - 1].keys)
    else:
        whole = model(**inputs).past_key_values.layers[0].keys
        torch.testing.assert_close(given.keys, whole)
    given = Known(**{**vars(given), "hidden": given.norm(given.hidden)})
    for row, record in enumerate(spied.records):
        assert record.kept.tolist() == slow_dart(given, row, 4, 4)


@dataclass(frozen=True)
class Watch(Reducer):
    """Remembers the attention row it was given."""

    needs_attention: ClassVar[bool] = True
    rows: ClassVar[list[Tensor]] = []

    def select(self, known: Known) -> Tensor:
        assert known.attention is not None
        self.rows.append(known.attention)
        return first_of(torch.arange(max(known.budget)).expand(len(known.budget), -1), known.budget)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("case", ["one", "padded"])
@pytest.mark.parametrize("layer", [1, 2, LAYERS - 1])
@pytest.mark.parametrize("family", ["omni", "qwen2audio"])
def test_the_attention_row_equals_that_of_the_eager_model(
    family: str, layer: int, case: str, use_cache: bool
) -> None:
    inputs = inputs_for(family, case)
    # given the attention the stock model reports for the layer before
    with torch.no_grad():
        maps = tiny_model(family, "eager")(**inputs, output_attentions=True).attentions
        # when the row is recomputed beside sdpa, which reports none
        with TokenReduction(tiny_model(family), Watch(), keep_ratio=0.5, layer=layer):
            tiny_model(family)(**inputs, use_cache=use_cache)
    # then it is the last row, mean over heads
    torch.testing.assert_close(Watch.rows[-1], maps[layer - 1][:, :, -1].mean(1).float())


def test_the_attention_row_of_a_decoder_with_normed_heads_is_right_too() -> None:
    torch.manual_seed(0)
    config = Qwen3Config(**TEXT, head_dim=16, attn_implementation="eager")
    model, ids = Qwen3ForCausalLM(config).eval(), torch.randint(1, VOCAB, (2, 30))
    for block in model.model.layers:
        torch.nn.init.normal_(block.self_attn.q_norm.weight)
        torch.nn.init.normal_(block.self_attn.k_norm.weight)
    with torch.no_grad():
        maps = model(ids, output_attentions=True).attentions
        for use_cache in (True, False):
            with TokenReduction(model, Watch(), keep_ratio=0.5, layer=2) as reduction:
                reduction.expect(audio_mask=ids > 30)
                model(ids, use_cache=use_cache)
            torch.testing.assert_close(Watch.rows[-1], maps[1][:, :, -1].mean(1))


@pytest.mark.parametrize("seed", range(20))
def test_fastv_keeps_the_most_attended(seed: int) -> None:
    dice = random.Random(seed)
    lengths = [dice.randint(1, 60) for _ in range(3)]
    budget = [dice.randint(1, length) for length in lengths]
    given = known(lengths, budget, seed)
    attention = given.attention
    assert attention is not None
    if seed % 2:  # ties
        attention = (attention * 4).round() / 4
        given = Known(**{**vars(given), "attention": attention})
    for row, found in enumerate(rows_of(load("fastv").select(given))):
        scores = attention[row][given.span.mask[row]].tolist()
        best = sorted(range(lengths[row]), key=lambda i: (-scores[i], i))
        assert found == sorted(best[: budget[row]])


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_frame_keeps_evenly_spaced_tokens(seed: int, reference: bool) -> None:
    dice = random.Random(seed)
    lengths = [dice.randint(1, 8000) for _ in range(2)]
    budget = [dice.randint(1, length) for length in lengths]
    found = rows_of(load("frame").select(known(lengths, budget, reference=reference)))
    for n, k, row in zip(lengths, budget, found, strict=True):
        assert len(row) == len(set(row)) == k
        assert row == [int(i * (n / k)) if reference else (2 * i + 1) * n // (2 * k) for i in range(k)]


def test_random_depends_on_seed_and_sample_alone() -> None:
    method = load("random")
    alone = rows_of(method.select(known([50], [10])))[0]
    # the states, the batch and the place in it make no difference
    assert rows_of(method.select(known([50, 30], [10, 5], seed=7)))[0] == alone
    moved = known([30, 50], [5, 10])
    moved = Known(**{**vars(moved), "sample_ids": ("clip-1", "clip-0")})
    assert rows_of(method.select(moved))[1] == alone
    # seed and sample do
    assert rows_of(method.select(known([50, 50], [10, 10])))[1] != alone
    assert rows_of(method.select(Known(**{**vars(known([50], [10])), "seed": 1})))[0] != alone


def test_random_keeps_less_out_of_what_it_kept_before() -> None:
    method = load("random")
    few, many = (set(rows_of(method.select(known([80], [k])))[0]) for k in (20, 60))
    assert few < many and len(many) == 60


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("length", [1, 2, 3, 5, 40])
def test_any_budget_of_any_span_is_kept_exactly(dropping_method: Reducer, length: int, after: int) -> None:
    for budget in {1, 2, length // 2, length - 1, length} & set(range(1, length + 1)):
        for row in rows_of(dropping_method.select(known([length, 45], [budget, 0], after=after)))[:1]:
            assert row == sorted(set(row)) and len(row) == budget
            assert set(row) <= set(range(length))


@pytest.mark.parametrize(
    ("name", "drop", "kept"),
    [
        ("fastv", 1.0, 0),
        ("fastv", 0.9, 2),
        ("random", 1.0, 1),
        ("frame", 0.9, 2),
        ("base", 0.0, 20),
    ],
)
def test_reference_counts_of_the_other_methods(name: str, drop: float, kept: int) -> None:
    assert load(name).reference_tokens(29 if drop == 0.9 else 20, drop) == kept


def test_audio_ends_are_found_by_place_where_the_config_names_none() -> None:
    model, inputs = tiny_model("qwen2audio"), inputs_for("qwen2audio", "padded")
    spans = []
    for reference in (False, True):
        with (
            torch.no_grad(),
            TokenReduction(model, load("frame"), keep_ratio=0.5, layer=1, reference=reference) as reduction,
        ):
            model(**inputs)
        spans.append([record.tokens_before for record in reduction.records])
    audio = (inputs["input_ids"] == AUDIO).sum(1).tolist()
    assert spans == [audio, [n + 2 for n in audio]]
