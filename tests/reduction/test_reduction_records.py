"""What merging and staging methods say they did is what they did; positions are renumbered where asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from reduction_models import AUDIO, CLOSE, LAYERS, Told, embeddings, generate, ids_for, inputs_for, tiny_model

from earmark.core.errors import UserError
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load


@torch.no_grad()
def prefilled(name: str, layer: int, ratio: float = 0.3, **options: Any) -> Any:
    """The record of one prompt's prefill."""
    with Told(tiny_model("omni"), load(name, options), keep_ratio=ratio, layer=layer) as reduction:
        tiny_model("omni")(**inputs_for("omni", "one"))
    (record,) = reduction.records
    return record


@pytest.mark.parametrize(
    ("name", "merged", "dropped"),
    [
        ("frame", 0, 28),
        ("average-pooling", 28, 0),
        ("ltbm", 28, 0),
        ("divprune", 0, 28),
        ("visionzip", 28, 0),
    ],
)
def test_a_record_counts_what_was_merged_and_what_was_dropped(name: str, merged: int, dropped: int) -> None:
    record = prefilled(name, 0)
    assert (record.tokens_before, record.tokens_after) == (40, 12)
    assert (record.tokens_merged, record.tokens_dropped) == (merged, dropped)
    assert record.keep_ratio_effective == record.share_of_layers == 0.3


def test_a_record_tells_of_every_stage_and_of_the_mean_over_the_layers() -> None:
    record = prefilled("fastadasp-layer", 1, schedule="constant")
    assert [stage.layer for stage in record.stages] == [1, 2, 3]
    left = [stage.tokens for stage in record.stages]
    assert left == sorted(left, reverse=True) and left[-1] == record.tokens_after == 12
    assert record.share_of_layers == (40 + sum(left)) / (40 * LAYERS)


def test_a_threshold_keeps_what_it_keeps_and_the_record_says_so() -> None:
    many, few = (prefilled("affinity", 0, threshold=level).tokens_after for level in (0.99, -1.0))
    assert few == 1 < many
    assert prefilled("affinity", 0, ratio=1.0, threshold=-1.0).tokens_after == 40


def test_a_method_without_its_profile_says_that_heads_count_the_same() -> None:
    assert "no profile" in prefilled("headrouter", 1).note


def test_a_method_that_lacks_the_encoders_scores_says_how_to_give_them() -> None:
    with (
        TokenReduction(tiny_model("omni"), load("vispruner"), keep_ratio=0.5, layer=0),
        pytest.raises(UserError, match=r"received_max.*expect\(encoder="),
    ):
        tiny_model("omni")(**inputs_for("omni", "one"))


def test_scores_of_other_audio_are_refused() -> None:
    with TokenReduction(tiny_model("omni"), load("vispruner"), keep_ratio=0.5, layer=0) as reduction:
        reduction.expect(encoder={"received_max": [torch.rand(39)]})
        with pytest.raises(UserError, match="make the features again"):
            tiny_model("omni")(**inputs_for("omni", "one"))


@pytest.mark.parametrize("case", ["one", "padded", "ragged"])
@pytest.mark.parametrize("family", ["omni", "qwen2audio"])
@pytest.mark.parametrize("name", ["frame", "fastadasp"])
def test_renumbered_equals_a_prompt_that_never_had_the_tokens(name: str, family: str, case: str) -> None:
    # given a batch whose tokens left are renumbered
    model = tiny_model(family)
    with Told(model, load(name), keep_ratio=0.3, layer=0, renumber=True) as reduction:
        reduction.expect(sample_ids=ids_for(case))
        tokens, logits = generate(model, inputs_for(family, case), 5)
    text = model.model.language_model
    for row, record in enumerate(reduction.records):
        # when each row's prompt is cut by hand and given positions 0, 1, 2 ...
        inputs = inputs_for(family, case, row)
        states = embeddings(model, inputs)[0]
        audio = (inputs["input_ids"][0] == AUDIO).nonzero()[:, 0]
        (stage,) = record.stages
        if stage.reduced.into is not None:
            for slot, offset in enumerate(stage.reduced.place.tolist()):
                members = audio[stage.reduced.into == slot]
                states[audio[offset]] = embeddings(model, inputs)[0, members].mean(0)
        stays = torch.ones(len(states), dtype=torch.bool)
        stays[audio] = False
        stays[audio[record.kept]] = True
        whole = torch.cat([states[stays], model.get_input_embeddings()(tokens[row, :-1])])[None]
        with torch.no_grad():
            states = text(inputs_embeds=whole, position_ids=torch.arange(whole.shape[1])[None])
            expected = model.lm_head(states.last_hidden_state[0, -5:]).float()
        # then it says the same
        torch.testing.assert_close(logits[:, row], expected, **CLOSE)


def test_renumbering_behind_layer_0_is_refused() -> None:
    with pytest.raises(UserError, match="renumber=True needs layer 0"):
        TokenReduction(tiny_model("omni"), load("frame"), keep_ratio=0.5, layer=1, renumber=True)


@torch.no_grad()
@pytest.mark.parametrize("name", ["ltbm", "samap", "atome", "global-merge", "affinity", "fastadasp"])
def test_merging_tokens_that_are_all_the_same_returns_that_token(name: str) -> None:
    decoder, seen = tiny_model("omni").model.language_model, []
    states = torch.randn(1, 30, 64)
    states[:, 5:25] = states[:, 5:6]
    hook = decoder.layers[0].register_forward_hook(lambda module, args, out: None)
    with Told(decoder, load(name), keep_ratio=0.2, layer=0) as reduction:
        watch = decoder.layers[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        reduction.expect(audio_mask=(torch.arange(30) // 5 % 5 > 0)[None] & (torch.arange(30) < 25))
        decoder(inputs_embeds=states)
        watch.remove()
    hook.remove()
    assert seen[0].shape[1] == 14
    torch.testing.assert_close(seen[0][0, 5:9], states[0, 5:9])
