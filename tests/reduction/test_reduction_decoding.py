"""What a reduced model says equals what a slow recomputation without cache or masks says."""

import copy
from typing import Any

import pytest
import torch
from reduction_models import (
    AUDIO,
    CASES,
    CLOSE,
    Told,
    embeddings,
    generate,
    ids_for,
    inputs_for,
    slow_logits,
    tiny_model,
)
from torch import Tensor
from transformers import DynamicCache

from earmark.core.errors import UserError
from earmark.models import ragged
from earmark.reduction.contract import Reducer
from earmark.reduction.loader import load
from earmark.reduction.record import RowRecord

STEPS = 8


def kept_mask(prompt_ids: Tensor, record: RowRecord, new: int) -> Tensor:
    """Bool [prompt + new], False at the audio tokens the record says were dropped."""
    keep = prompt_ids != AUDIO
    keep[torch.nonzero(prompt_ids == AUDIO)[record.kept, 0]] = True
    return torch.cat([keep, torch.ones(new, dtype=torch.bool)])


def recomputed(model: Any, inputs: dict[str, Tensor], record: RowRecord, tokens: Tensor) -> Tensor:
    """Logits [tokens, vocab] for one unpadded row: the whole sequence at once, by hand."""
    new = model.get_input_embeddings()(tokens[:-1][None])
    states = torch.cat([embeddings(model, inputs), new], dim=1)
    audio = (inputs["input_ids"][0] == AUDIO).nonzero()[:, 0].tolist()
    return slow_logits(model, states, audio, record)[-len(tokens) :]


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("case", ["one", "padded", "ragged"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["omni", "qwen2audio"])
def test_cached_decoding_equals_recomputing_each_row_without_a_cache(
    dropping_method: Reducer, family: str, attention: str, case: str, layer: int
) -> None:
    # given a batch decoded from a reduced cache
    model = tiny_model(family, attention)
    with Told(model, dropping_method, keep_ratio=0.3, layer=layer) as reduction:
        reduction.expect(sample_ids=ids_for(case))
        tokens, logits = generate(model, inputs_for(family, case), STEPS)
    assert [r.tokens_after for r in reduction.records] == [
        round(0.3 * audio + 1e-9) for audio, _, _ in CASES[case]
    ]
    # when every row is computed by itself from its kept tokens and their original positions
    for row, record in enumerate(reduction.records):
        expected = recomputed(model, inputs_for(family, case, row), record, tokens[row])
        # then each step's logits agree
        torch.testing.assert_close(logits[:, row], expected, **CLOSE)


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("case", ["padded", "ragged"])
@pytest.mark.parametrize("attention", ["sdpa", "eager", ragged.NAME])
def test_every_row_of_a_batch_equals_its_single_run(
    dropping_method: Reducer, attention: str, case: str, layer: int
) -> None:
    model = tiny_model("omni", attention)
    with Told(model, dropping_method, keep_ratio=0.2, layer=layer) as reduction:
        reduction.expect(sample_ids=ids_for(case))
        tokens, logits = generate(model, inputs_for("omni", case), STEPS)
        together = reduction.records
        for row, sample_id in enumerate(ids_for(case)):
            reduction.expect(sample_ids=[sample_id])
            alone_tokens, alone = generate(model, inputs_for("omni", case, row), STEPS)
            (record,) = reduction.records
            assert record.kept.tolist() == together[row].kept.tolist()
            assert record.sample_id == together[row].sample_id == sample_id
            assert torch.equal(alone_tokens[0], tokens[row])
            torch.testing.assert_close(alone[:, 0], logits[:, row], **CLOSE)


@pytest.mark.parametrize("own_positions", [True, False])
@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("family", ["omni", "qwen2audio"])
def test_a_bare_decoder_in_a_loop_by_hand_equals_generate(
    dropping_method: Reducer, family: str, layer: int, own_positions: bool
) -> None:
    # given what generate says
    model, inputs = tiny_model(family), inputs_for(family, "ragged")
    with Told(model, dropping_method, keep_ratio=0.3, layer=layer) as reduction:
        tokens, logits = generate(model, inputs, STEPS)
        chosen = [r.kept.tolist() for r in reduction.records]
    states, ids = embeddings(model, inputs), inputs["input_ids"]
    decoder, cache = model.model.language_model, DynamicCache()
    # when the decoder alone is given embeddings, then one token after the other
    found = []
    with (
        torch.no_grad(),
        Told(decoder, dropping_method, keep_ratio=0.3, layer=layer) as reduction,
    ):
        reduction.expect(audio_mask=ids == AUDIO)
        for step in range(STEPS):
            places = torch.arange(states.shape[1]) + (ids.shape[1] + step - 1 if step else 0)
            positions = places.expand(len(ids), -1) if own_positions else None
            out = decoder(inputs_embeds=states, past_key_values=cache, position_ids=positions)
            found.append(model.lm_head(out.last_hidden_state[:, -1]))
            states = model.get_input_embeddings()(found[-1].argmax(-1))[:, None]
    # then it chose and said the same, and the positions went on from the full prompt
    assert [r.kept.tolist() for r in reduction.records] == chosen
    torch.testing.assert_close(torch.stack(found).float(), logits, **CLOSE)
    assert cache.get_seq_length(layer) < cache.get_seq_length(0) or layer == 0


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_positions_are_never_renumbered(dropping_method: Reducer, layer: int) -> None:
    # given the rotary tables the last layer works with
    model, inputs, seen = tiny_model("omni"), inputs_for("omni", "one"), []
    decoder = model.model.language_model
    hook = decoder.layers[-1].self_attn.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["position_embeddings"][0]),
        with_kwargs=True,
    )
    with Told(model, dropping_method, keep_ratio=0.25, layer=layer) as reduction:
        generate(model, inputs, 4)
    hook.remove()
    # then they are those of the original places of the kept tokens, and go on behind the prompt
    ids = inputs["input_ids"][0]
    keep = kept_mask(ids, reduction.records[0], 3)
    places = torch.arange(len(ids) + 3)
    table = decoder.rotary_emb(seen[0], places.expand(3, 1, -1))[0][0]
    assert torch.equal(torch.cat([part[0] for part in seen]), table[keep])


@pytest.mark.parametrize("reference", [False, True])
def test_text_is_never_dropped_and_audio_ends_only_in_reference_mode(
    dropping_method: Reducer, reference: bool
) -> None:
    model, inputs, seen = tiny_model("omni"), inputs_for("omni", "one"), []
    hook = model.model.language_model.layers[2].register_forward_hook(
        lambda module, args, out: seen.append(out)
    )
    with (
        torch.no_grad(),
        Told(model, dropping_method, keep_ratio=0.1, layer=2, reference=reference) as reduction,
    ):
        model(**inputs)
    hook.remove()
    audio, before, after = CASES["one"][0]
    (record,) = reduction.records
    wide = reference and dropping_method.reference_span == "boundaries"
    assert record.tokens_before == (audio + 2 if wide else audio)
    assert seen[0].shape[1] == before + after + (0 if wide else 2) + record.stages[0].tokens
    assert record.kept.tolist() == sorted(set(record.kept.tolist()))
    assert record.kept.min() >= 0 and record.kept.max() < record.tokens_before


def test_prompts_can_be_decoded_in_turns(dropping_method: Reducer) -> None:
    # given two prompts decoded one after the other
    model = tiny_model("omni")
    prompts = [inputs_for("omni", "ragged"), inputs_for("omni", "padded")]
    with Told(model, dropping_method, keep_ratio=0.3, layer=1), torch.no_grad():
        expected = [generate(model, inputs, 3)[1] for inputs in prompts]
        # when both are filled first and then take turns
        caches = [DynamicCache(), DynamicCache()]
        steps = [
            [model(**inputs, past_key_values=cache).logits[:, -1]]
            for inputs, cache in zip(prompts, caches, strict=True)
        ]
        for turn in range(2):
            for inputs, cache, said in zip(prompts, caches, steps, strict=True):
                real = inputs["attention_mask"]
                mask = torch.cat([real, real.new_ones(len(real), turn + 1)], dim=1)
                said.append(
                    model(
                        input_ids=said[-1].argmax(-1)[:, None],
                        attention_mask=mask,
                        position_ids=real.sum(1, keepdim=True) + turn,
                        past_key_values=cache,
                    ).logits[:, -1]
                )
    # then each goes on from its own cache
    for logits, said in zip(expected, steps, strict=True):
        torch.testing.assert_close(torch.stack(said).float(), logits, **CLOSE)


def test_without_a_cache_the_same_tokens_are_chosen(dropping_method: Reducer) -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "padded")
    with Told(model, dropping_method, keep_ratio=0.4, layer=2) as reduction:
        with torch.no_grad():
            cached = model(**inputs, use_cache=True).logits
            chosen = [r.kept.tolist() for r in reduction.records]
            bare = model(**inputs, use_cache=False).logits
        assert [r.kept.tolist() for r in reduction.records] == chosen
    torch.testing.assert_close(bare[:, -1], cached[:, -1], **CLOSE)


def test_bfloat16_runs_and_keeps_the_budget(dropping_method: Reducer) -> None:
    model = copy.deepcopy(tiny_model("omni")).to(torch.bfloat16)
    inputs = inputs_for("omni", "padded")
    inputs["input_features"] = inputs["input_features"].bfloat16()
    with Told(model, dropping_method, keep_tokens=7, layer=2) as reduction:
        _, logits = generate(model, inputs, 3)
    assert logits.isfinite().all()
    assert [r.tokens_after for r in reduction.records] == [7, 7, 7]


@pytest.mark.parametrize("layer", [0, 2])
def test_a_fixed_number_of_tokens_keeps_all_of_a_short_span(dropping_method: Reducer, layer: int) -> None:
    model = tiny_model("qwen2audio")
    with Told(model, dropping_method, keep_tokens=30, layer=layer) as reduction:
        tokens, logits = generate(model, inputs_for("qwen2audio", "ragged"), 4)
    assert [r.tokens_after for r in reduction.records] == [30, 20, 30]
    for row, record in enumerate(reduction.records):
        single = inputs_for("qwen2audio", "ragged", row)
        expected = recomputed(model, single, record, tokens[row])
        torch.testing.assert_close(logits[:, row], expected, **CLOSE)


def test_a_cache_filled_outside_is_refused() -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "one")
    cache = DynamicCache()
    with torch.no_grad():
        model(**inputs, past_key_values=cache)
        with (
            Told(model, load("frame"), keep_ratio=0.5, layer=1),
            pytest.raises(UserError, match="prefill inside"),
        ):
            model(input_ids=torch.tensor([[5]]), past_key_values=cache)
