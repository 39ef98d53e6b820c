"""Cache compression: what is kept is what the formula says, and decoding sees nothing else."""

from __future__ import annotations

import math
import random
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from reduction_models import AUDIO, CASES, CLOSE, embeddings, generate, ids_for, inputs_for, tiny_model
from torch import Tensor
from transformers import DynamicCache

from earmark.compression.contract import Compressor, Entries
from earmark.compression.hooks import CacheCompression, survivors
from earmark.core.errors import UserError
from earmark.reduction.contract import Span
from earmark.reduction.decoder import rotated
from earmark.reduction.loader import available, load
from earmark.reduction.prompt import Outline

STEPS = 5
FAMILIES = ["omni", "qwen2audio"]


@cache
def untouched(family: str, attention: str, case: str) -> tuple[Tensor, Tensor]:
    return generate(tiny_model(family, attention), inputs_for(family, case), 8)


@pytest.mark.parametrize("case", ["one", "padded"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_keep_all_equals_the_untouched_model(
    compressor: Compressor, family: str, attention: str, case: str
) -> None:
    tokens, logits = untouched(family, attention, case)
    with CacheCompression(tiny_model(family, attention), compressor, keep_ratio=1.0):
        same_tokens, same_logits = generate(tiny_model(family, attention), inputs_for(family, case), 8)
    assert torch.equal(tokens, same_tokens) and torch.equal(logits, same_logits)


def masked_decoding(model: Any, inputs: dict[str, Tensor], kept: Tensor, tokens: Tensor) -> Tensor:
    """Logits [steps, vocab] of one unpadded row with its cache in full and the dropped entries masked.

    `kept` is [layers, kv heads, entries]; the mask of a layer goes to each of its query heads.
    """
    text = model.model.language_model
    groups = text.config.num_attention_heads // text.config.num_key_value_heads
    prompt, past = inputs["input_ids"].shape[1], DynamicCache()
    with torch.no_grad():
        out = text(inputs_embeds=embeddings(model, inputs), past_key_values=past).last_hidden_state
        said = [model.lm_head(out[0, -1])]
        for step, token in enumerate(tokens[:-1]):
            states = model.get_input_embeddings()(token[None, None])
            positions = torch.tensor([[prompt + step]])
            rotary = text.rotary_emb(
                states, positions.expand(3, 1, 1) if hasattr(text.rotary_emb, "mrope_section") else positions
            )
            for number, layer in enumerate(text.layers):
                least = torch.finfo(torch.float32).min
                mask = torch.full((kept.shape[1], prompt + step + 1), least, dtype=states.dtype)
                mask[:, prompt:] = 0
                mask = mask.scatter(1, kept[number], 0.0).repeat_interleave(groups, dim=0)
                states = layer(
                    states,
                    attention_mask=mask[None, :, None],
                    position_embeddings=rotary,
                    past_key_values=past,
                )
            said.append(model.lm_head(text.norm(states))[0, -1])
    return torch.stack(said).float()


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("case", ["padded", "ragged"])
@pytest.mark.parametrize("family", FAMILIES)
def test_decoding_equals_masked_attention_on_the_full_cache(
    compressor: Compressor, family: str, case: str, reference: bool
) -> None:
    # given a batch decoded from compressed caches
    model, inputs = tiny_model(family), inputs_for(family, case)
    with CacheCompression(model, compressor, keep_ratio=0.3, reference=reference) as compression:
        compression.expect(sample_ids=ids_for(case))
        tokens, logits = generate(model, inputs, STEPS)
    # when every row is decoded by itself, nothing thrown away but masked layer by layer, head by head
    for row, record in enumerate(compression.records):
        padding = int((inputs["attention_mask"][row] == 0).sum())
        expected = masked_decoding(model, inputs_for(family, case, row), record.kept - padding, tokens[row])
        # then each step's logits agree
        torch.testing.assert_close(logits[:, row], expected, **CLOSE)


@pytest.mark.parametrize(
    ("attention", "reference"), [("sdpa", False), ("sdpa", True), ("eager", False)], ids=str
)
@pytest.mark.parametrize("case", ["padded", "ragged"])
def test_every_row_of_a_batch_equals_its_single_run(
    compressor: Compressor, case: str, reference: bool, attention: str
) -> None:
    model, inputs = tiny_model("omni", attention), inputs_for("omni", case)
    with CacheCompression(model, compressor, keep_ratio=0.2, reference=reference) as compression:
        compression.expect(sample_ids=ids_for(case))
        tokens, logits = generate(model, inputs, STEPS)
        together = compression.records
        for row, sample_id in enumerate(ids_for(case)):
            compression.expect(sample_ids=[sample_id])
            alone_tokens, alone = generate(model, inputs_for("omni", case, row), STEPS)
            (record,) = compression.records
            padding = int((inputs["attention_mask"][row] == 0).sum())
            assert torch.equal(record.kept, together[row].kept - padding)
            assert torch.equal(alone_tokens[0], tokens[row])
            torch.testing.assert_close(alone[:, 0], logits[:, row], **CLOSE)


def test_text_stays_and_the_cache_is_that_much_smaller(compressor: Compressor) -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "ragged")
    with torch.no_grad(), CacheCompression(model, compressor, keep_ratio=0.25) as compression:
        filled = model(**inputs).past_key_values
    left = []
    for row, (record, (audio, before, after)) in enumerate(
        zip(compression.records, CASES["ragged"], strict=True)
    ):
        text = set(torch.nonzero(inputs["input_ids"][row] != AUDIO)[:, 0].tolist())
        assert (record.tokens_before, record.tokens_after) == (audio, round(audio / 4 + 1e-9))
        assert record.keep_ratio_effective == record.tokens_after / audio
        for layer in record.kept.tolist():
            for head in layer:
                assert text <= set(head) and len(head) == len(set(head)) == len(text) + record.tokens_after
        left.append(before + after + 2 + record.tokens_after)
    for layer in filled.layers:
        assert layer.keys.shape[2] == layer.values.shape[2] == max(left)
        assert layer.keys.untyped_storage().nbytes() == layer.keys.numel() * layer.keys.element_size()


def test_a_bare_decoder_in_a_loop_by_hand_equals_generate(compressor: Compressor) -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "ragged")
    with CacheCompression(model, compressor, keep_ratio=0.3):
        _, logits = generate(model, inputs, STEPS)
    states, ids = embeddings(model, inputs), inputs["input_ids"]
    decoder, past, found = model.model.language_model, DynamicCache(), []
    with torch.no_grad(), CacheCompression(decoder, compressor, keep_ratio=0.3) as compression:
        compression.expect(audio_mask=ids == AUDIO)
        for _ in range(STEPS):
            out = decoder(inputs_embeds=states, past_key_values=past)
            found.append(model.lm_head(out.last_hidden_state[:, -1]))
            states = model.get_input_embeddings()(found[-1].argmax(-1))[:, None]
    torch.testing.assert_close(torch.stack(found).float(), logits, **CLOSE)


def entries(seed: int, lengths: list[int], prompt: int) -> Entries:
    """A random cache: two kv heads of two query heads each, rows padded on the left."""
    draw = torch.Generator().manual_seed(seed)
    rows, hidden, dim = len(lengths), 12, 8
    real = torch.arange(prompt) >= prompt - torch.tensor(lengths)[:, None]
    span = real & (torch.arange(prompt) >= prompt - 40) & (torch.arange(prompt) < prompt - 6)
    weights = torch.randn(4 * dim, hidden, generator=draw)
    attention = SimpleNamespace(q_proj=lambda x: x @ weights.T, head_dim=dim, scaling=dim**-0.5)

    def turns(positions: Tensor) -> tuple[Tensor, Tensor]:
        angles = positions[..., None] / 10.0 ** torch.arange(dim // 2)
        return torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()

    positions = (real.cumsum(1) - 1).clamp(min=0)
    count = tuple(span.sum(1).tolist())
    budget = tuple(max(1, n // 3) for n in count)
    left = tuple(n - c + b for n, c, b in zip(lengths, count, budget, strict=True))
    return Entries(
        keys=torch.randn(rows, 2, prompt, dim, generator=draw),
        values=torch.randn(rows, 2, prompt, dim, generator=draw),
        hidden=torch.randn(rows, prompt, hidden, generator=draw),
        layer=SimpleNamespace(self_attn=attention, input_layernorm=lambda x: x),
        number=3,
        rotary=turns(positions),
        ahead=lambda n: turns(positions[:, -1:] + 1 + torch.arange(n)),
        outline=Outline(
            real, Span.of(span, count), budget, left, tuple(f"clip-{r}" for r in range(rows)), (0,) * rows
        ),
    )


def query(given: Entries, row: int, head: int, place: int, turn: bool = True) -> Tensor:
    """One query of one head."""
    states = given.layer.self_attn.q_proj(given.hidden[row, place]).view(4, -1)[head]
    return rotated(states, given.rotary[0][row, place], given.rotary[1][row, place]) if turn else states


def attention_of(given: Entries, row: int, head: int, place: int) -> dict[int, float]:
    """What one query gives to each entry it sees."""
    seen = [i for i in range(place + 1) if given.real[row, i]]
    q = query(given, row, head, place)
    weights = [math.exp(float(q @ given.keys[row, head // 2, i]) / math.sqrt(8)) for i in seen]
    return {i: w / sum(weights) for i, w in zip(seen, weights, strict=True)}


def slow_scores(method: Compressor, given: Entries, row: int, kv: int) -> list[float]:
    """The formula of a method, one entry at a time; what is kept whatever its score is infinite."""
    prompt = given.real.shape[1]
    real = [i for i in range(prompt) if given.real[row, i]]
    scores = [0.0] * prompt
    options: Any = method
    if method.name == "kv-knorm":
        return [-math.sqrt(sum(v * v for v in given.keys[row, kv, i].tolist())) for i in range(prompt)]
    if method.name == "kv-streaming":
        span = [i for i in range(prompt) if given.outline.span.mask[row, i]]
        for rank, i in enumerate(span):
            scores[i] = math.inf if rank < options.sinks else i
    if method.name == "kv-tova":
        for head in range(4):
            for i, weight in attention_of(given, row, head, prompt - 1).items():
                scores[i] += weight / 4
        scores[-1] = math.inf
    if method.name == "kv-snap" and len(real) > options.window:
        window, before = real[-options.window :], real[: -options.window]
        raw = dict.fromkeys(range(-9, prompt + 9), 0.0)
        for head in (2 * kv, 2 * kv + 1):
            for place in window:
                weights = attention_of(given, row, head, place)
                for i in before:
                    raw[i] += weights[i] / options.window / 2
        reach = options.kernel // 2
        for i in before:
            scores[i] = sum(raw[j] for j in range(i - reach, i + reach + 1)) / options.kernel
        for i in window:
            scores[i] = 1e6 + i
    if method.name == "kv-expected":
        used = real[options.sinks :]
        cos, sin = (table[row] for table in given.ahead(options.future))
        half = torch.zeros(8, 8)
        half[:4, 4:], half[4:, :4] = -torch.eye(4), torch.eye(4)
        turn = torch.stack([torch.diag(c) + torch.diag(s) @ half for c, s in zip(cos, sin)]).mean(0)
        for head in (2 * kv, 2 * kv + 1):
            queries = torch.stack([query(given, row, head, i, turn=False) for i in used])
            mean, spread = turn @ queries.mean(0), turn @ torch.cov(queries.T, correction=0) @ turn.T
            keys = [given.keys[row, kv, i] for i in used]
            exponents = [float(k @ mean / math.sqrt(8) + k @ spread @ k / 16) for k in keys]
            top = max(exponents)
            weights = [math.exp(e - top) for e in exponents]
            for i, weight in zip(used, weights, strict=True):
                scores[i] += weight / sum(weights) / 2 * float(given.values[row, kv, i].norm())
        for i in real[: options.sinks]:
            scores[i] = math.inf
    return scores


@pytest.mark.parametrize("seed", range(6))
def test_a_method_keeps_what_its_formula_keeps(compressor: Compressor, seed: int) -> None:
    # given random caches of which rows are padded, one too short for snap's window
    dice = random.Random(seed)
    lengths = [90, dice.randint(66, 89), dice.randint(45, 60)]
    given = entries(seed, lengths, 90)
    places = survivors(compressor.score(given), given.outline)
    if compressor.name == "kv-random":
        assert places.shape == (3, 2, max(given.outline.counts))
        return
    # when the scores are taken one by one
    for row, budget in enumerate(given.outline.budget):
        span = [i for i in range(90) if given.outline.span.mask[row, i]]
        text = {i for i in range(90) if given.real[row, i]} - set(span)
        for kv in range(2):
            scores = slow_scores(compressor, given, row, kv)
            best = sorted(span, key=lambda i: (-scores[i], i))[:budget]
            # then the same are kept, and the text
            kept = places[row].expand(2, -1)[kv, -given.outline.counts[row] :].tolist()
            assert kept == sorted({*best, *text})


@pytest.mark.parametrize(("name", "window", "kernel"), [("kv-tova", 1, 1), ("kv-snap", 7, 3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_the_stock_models_own_in_every_layer(
    family: str, name: str, window: int, kernel: int
) -> None:
    # given the stock model's attention maps, positions and all, one of the models with three-row positions
    inputs = inputs_for(family, "one")
    method = load(name, {"window": window, "kernel": kernel} if name == "kv-snap" else {})
    with torch.no_grad():
        maps = tiny_model(family, "eager")(**inputs, output_attentions=True).attentions
        with CacheCompression(tiny_model(family), method, keep_ratio=0.3) as compression:
            tiny_model(family)(**inputs)
    (record,) = compression.records
    span = (inputs["input_ids"][0] == AUDIO).nonzero()[:, 0]
    text = (inputs["input_ids"][0] != AUDIO).nonzero()[:, 0]
    for number, layer in enumerate(maps):
        # when a layer's last rows are averaged, over all heads or over those that share keys, and smoothed
        rows = layer[0, :, -window:].mean(1)
        rows[:, -window:] = 0 if name == "kv-snap" else rows[:, -window:]
        shared = (
            rows.mean(0, keepdim=True).expand(2, -1) if name == "kv-tova" else rows.view(2, 2, -1).mean(1)
        )
        scores = torch.nn.functional.avg_pool1d(shared[:, None], kernel, 1, kernel // 2)[:, 0]
        for head, row in enumerate(scores):
            best = span[row[span].topk(record.tokens_after).indices]
            # then its largest audio entries are kept, and all text
            assert record.kept[number, head].tolist() == sorted([*best.tolist(), *text.tolist()])


def test_random_depends_on_seed_sample_layer_and_head_alone() -> None:
    method, given = load("kv-random"), entries(0, [90, 70], 90)
    assert isinstance(method, Compressor)
    drawn = method.score(given)
    assert torch.equal(drawn, method.score(entries(5, [90, 70], 90)))
    assert not torch.equal(drawn[:, 0], drawn[:, 1])
    for other in ({"seed": 1}, {"number": 4}):
        assert not torch.equal(drawn, method.score(Entries(**{**vars(given), **other})))


def test_reference_mode_keeps_a_share_of_the_whole_prompt_rounded_down(compressor: Compressor) -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "padded")
    with torch.no_grad(), CacheCompression(model, compressor, keep_ratio=0.3, reference=True) as compression:
        model(**inputs)
    lengths = inputs["attention_mask"].sum(1).tolist()
    assert [r.tokens_before for r in compression.records] == lengths
    assert [r.tokens_after for r in compression.records] == [int(n * (1 - 0.7)) for n in lengths]


def test_the_prefill_is_the_untouched_models_and_no_hook_stays(compressor: Compressor) -> None:
    model, inputs = tiny_model("qwen2audio"), inputs_for("qwen2audio", "padded")
    with torch.no_grad():
        expected = model(**inputs).logits
        with CacheCompression(model, compressor, keep_ratio=0.1):
            assert torch.equal(model(**inputs).logits, expected)
        assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()) == 0


def test_a_call_without_a_cache_is_refused() -> None:
    method = load("kv-knorm")
    assert isinstance(method, Compressor)
    with (
        CacheCompression(tiny_model("omni"), method, keep_ratio=0.5),
        pytest.raises(UserError, match="cache"),
    ):
        tiny_model("omni")(**inputs_for("omni", "one"), use_cache=False)


@pytest.mark.parametrize(
    ("name", "options"),
    [("kv-snap", {"kernel": 4}), ("kv-snap", {"window": 0}), ("kv-expected", {"future": 0})],
)
def test_an_invalid_option_is_refused(name: str, options: dict[str, int]) -> None:
    with pytest.raises(UserError, match=name):
        load(name, options)


def test_the_cache_methods_are_the_modules_that_define_one() -> None:
    names = ["kv-expected", "kv-knorm", "kv-random", "kv-snap", "kv-streaming", "kv-tova"]
    assert available("kv-") == names
    assert all(load(name).name == name for name in names)
