"""Decoders of other builds are refused in one line, before anything runs; those that work are worked on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers as stock

from earmark.core.errors import UserError
from earmark.reduction.decoder import Decoder, attention_rows, heads_of
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.reduction.supported import AudioMarks

TEXT: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FULL = ["full_attention"] * 3


FALCON = {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}


def phi():
    turned = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.75}
    return stock.Phi3Model(stock.Phi3Config(**TEXT, rope_parameters=turned))


def mistral(window):
    return stock.MistralModel(stock.MistralConfig(**TEXT, sliding_window=window))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: mistral(8), "sliding-window attention"),
        (
            lambda: stock.FalconModel(stock.FalconConfig(**FALCON)),
            "FalconModel holds no decoder with `layers`",
        ),
        (lambda: stock.GlmModel(stock.GlmConfig(**TEXT, head_dim=16)), "turns 0.5 of a head's width"),
        (
            lambda: stock.Gemma3TextModel(stock.Gemma3TextConfig(**TEXT, head_dim=16)),
            "sliding-window attention",
        ),
        (
            lambda: stock.Gemma3nTextModel(
                stock.Gemma3nTextConfig(
                    **TEXT,
                    head_dim=16,
                    layer_types=FULL,
                    num_kv_shared_layers=0,
                    vocab_size_per_layer_input=64,
                    hidden_size_per_layer_input=8,
                    activation_sparsity_pattern=[0.0] * 3,
                    laurel_rank=4,
                    altup_num_inputs=2,
                )
            ),
            "inputs of their own for every token",
        ),
        (lambda: torch.nn.Linear(2, 2), "Linear holds no decoder with `layers`, `norm` and `rotary_emb`"),
    ],
    ids=["a window without layer_types", "falcon", "glm", "gemma 3 with windows", "gemma 3n", "no decoder"],
)
def test_a_decoder_of_another_build_is_refused_in_one_line(make, reason):
    with pytest.raises(UserError, match=reason) as refused:
        Decoder.of(make())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mistral(None),
        lambda: mistral(512),
        lambda: stock.LlamaModel(stock.LlamaConfig(**TEXT)),
        lambda: stock.GemmaModel(stock.GemmaConfig(**TEXT, head_dim=16)),
        lambda: stock.Gemma2Model(stock.Gemma2Config(**TEXT, head_dim=16, layer_types=FULL)),
        lambda: stock.Gemma3TextModel(stock.Gemma3TextConfig(**TEXT, head_dim=16, layer_types=FULL)),
        lambda: stock.Qwen3Model(stock.Qwen3Config(**TEXT, head_dim=16)),
        lambda: stock.GraniteModel(stock.GraniteConfig(**TEXT)),
        lambda: phi(),
    ],
    ids=[
        "mistral",
        "a window of the whole prompt",
        "llama",
        "gemma",
        "gemma 2",
        "gemma 3",
        "qwen 3",
        "granite",
        "phi",
    ],
)
@torch.no_grad()
def test_dropping_at_the_input_equals_a_prompt_that_never_had_the_tokens(make):
    torch.manual_seed(0)
    model = make().eval()
    ids = torch.randint(3, 60, (1, 30))
    audio = torch.zeros(1, 30, dtype=torch.bool)
    audio[:, 5:25] = True
    with TokenReduction(model, load("frame"), keep_ratio=0.5, layer=0) as reduction:
        reduction.expect(audio_mask=audio)
        got = model(input_ids=ids).last_hidden_state
    kept = set(reduction.records[0].kept.tolist())
    positions = torch.tensor([i for i in range(30) if not audio[0, i] or i - 5 in kept])
    by_hand = model(input_ids=ids[:, positions], position_ids=positions[None]).last_hidden_state
    torch.testing.assert_close(got, by_hand, atol=1e-5, rtol=1e-5)
    untouched = model(input_ids=ids).last_hidden_state
    for method in ("dart", "fastv"):
        with TokenReduction(model, load(method), keep_ratio=1.0, layer=1) as reduction:
            reduction.expect(audio_mask=audio)
            assert torch.equal(model(input_ids=ids).last_hidden_state, untouched)


def gemma_2():
    config = stock.Gemma2Config(**TEXT, head_dim=16, layer_types=FULL, attn_logit_softcapping=0.5)
    return stock.Gemma2Model(config)


@torch.no_grad()
@pytest.mark.parametrize("make", [gemma_2, lambda: phi()], ids=["capped", "turned in part"])
def test_attention_rows_are_those_that_the_model_computes(make):
    torch.manual_seed(0)
    model = make().eval()
    model.set_attn_implementation("eager")
    ids = torch.randint(3, 60, (1, 12))
    out = model(input_ids=ids, output_attentions=True, output_hidden_states=True)
    decoder, layer = Decoder.of(model), model.layers[0]
    rotary = decoder.rotary(torch.arange(12)[None], out.hidden_states[0])
    keys = heads_of(layer, "k", out.hidden_states[0], rotary)
    rows = attention_rows(layer, out.hidden_states[0], rotary, keys, torch.ones(1, 12, dtype=torch.bool), 3)
    torch.testing.assert_close(rows.flatten(1, 2), out.attentions[0][:, :, -3:], atol=1e-5, rtol=1e-4)


SPELLINGS = {
    "Qwen2.5-Omni": ("audio_start_token_id", "audio_end_token_id"),
    "Music Flamingo": ("audio_bos_token_id", "audio_eos_token_id"),
    "Gemma 3n": ("boa_token_id", "eoa_token_id"),
    "Gemma 4": ("boa_token_id", "eoa_token_index"),
    "Voxtral": ("begin_audio_token_id", "end_audio_token_id"),
}


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_span_ends_are_found_in_every_spelling(names):
    config = SimpleNamespace(audio_token_id=7, **{name: i for i, name in enumerate(names, start=8)})
    assert AudioMarks.of([config], "Any") == AudioMarks(7, (8, 9))


def test_an_audio_token_named_in_the_audio_config_alone_is_found():
    config = SimpleNamespace(audio_config=SimpleNamespace(audio_token_id=9))
    assert AudioMarks.of([None, config], "Phi4Multimodal") == AudioMarks(9, ())


def test_a_model_that_adds_audio_to_its_text_is_refused():
    config = stock.AutoConfig.for_model("voxtral_realtime")
    with pytest.raises(UserError, match="VoxtralRealtime adds its audio to the text's own tokens"):
        AudioMarks.of([config], "VoxtralRealtime")
