"""Every layer equals the stock model's, alone or in a batch; nothing behind the highest is computed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from transformers import (
    AutoFeatureExtractor,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2AudioForConditionalGeneration,
)

from earmark.models.families import family as family_named
from earmark.models.lengths import audio_tokens
from earmark.systems.embeddings.extract import Extractor
from earmark.systems.embeddings.layers import Plan, parse

PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>Describe the music:"
STOCK = {
    "omni": Qwen2_5OmniThinkerForConditionalGeneration,
    "qwen2_audio": Qwen2AudioForConditionalGeneration,
}
SECONDS = (3.3, 7.33, 1.0, 5.02)


def wave(seconds, seed=0):
    return (np.random.default_rng(seed).standard_normal(round(seconds * 16000)) * 0.1).astype(np.float32)


@pytest.fixture(params=sorted(STOCK))
def model(request, checkpoint, qwen2_audio):
    """A family's module and a small checkpoint of it."""
    chosen = {"omni": checkpoint, "qwen2_audio": qwen2_audio}[request.param]
    return importlib.import_module(f"earmark.models.{request.param}"), chosen


def kind_of(module):
    return module.__name__.rpartition(".")[2]


def extractor(model, names, pooling="none", span="all", batch_tokens=10_000, **more):
    family, checkpoint = model
    depth = family.depth(checkpoint)
    layers = [parse(name) for name in names]
    plan = Plan.of(layers, depth)
    encoder = family.Encoder(checkpoint, "cpu", "float32", plan.encoder_layers, plan.project)
    decoder = None
    if plan.lm_layers is not None:
        decoder = family.Decoder(checkpoint, "cpu", "float32", "sdpa", layers=plan.lm_layers, head=False)
    settings = {
        "prompt": PROMPT,
        "system": None,
        "audio": family_named(kind_of(family)).audio,
        "overlap_s": 2.0,
        "dtype": torch.float32,
    } | more
    return Extractor(
        encoder, decoder, plan, layers, pooling=pooling, span=span, batch_tokens=batch_tokens, **settings
    )


def stock_states(model, samples, ids):
    """The hidden states of the whole stock model and of its tower."""
    family, checkpoint = model
    kind = kind_of(family)
    stock = STOCK[kind].from_pretrained(checkpoint.folder).eval()
    features = AutoFeatureExtractor.from_pretrained(checkpoint.folder)(
        [samples],
        sampling_rate=16000,
        padding="max_length" if kind == "qwen2_audio" else "longest",
        truncation=False,
        return_attention_mask=True,
        return_tensors="pt",
    )
    seen = {}
    tower = stock.model.audio_tower
    for number, layer in enumerate(tower.layers, start=1):
        layer.register_forward_hook(
            lambda m, i, o, n=number: seen.update({f"encoder.{n}": o[0] if isinstance(o, tuple) else o})
        )
    last = tower.layer_norm if kind == "qwen2_audio" else tower.ln_post
    last.register_forward_hook(lambda m, i, o: seen.update(encoder=o))
    project = stock.model.multi_modal_projector if kind == "qwen2_audio" else tower.proj
    project.register_forward_hook(lambda m, i, o: seen.update(projector=o))
    with torch.no_grad():
        out = stock(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            input_features=features.input_features,
            feature_attention_mask=features.attention_mask,
            output_hidden_states=True,
        )
    hidden = out.hidden_states if "hidden_states" in out else out.thinker_hidden_states
    seen = {name: states.reshape(-1, states.shape[-1]) for name, states in seen.items()}
    return seen | {f"lm.{i}": states[0] for i, states in enumerate(hidden)}


def test_every_layer_equals_the_stock_model(model):
    names = ["encoder.1", "encoder.2", "encoder", "projector", "lm.0", "lm.1", "lm.2", "lm.3"]
    ours = extractor(model, names)
    samples = wave(7.33)
    (found,) = ours.batch([samples])
    expected = stock_states(model, samples, ours._ids(len(found["projector"].states)))
    for name in names:
        states = found[name].states
        assert torch.allclose(states, expected[name][: len(states)], atol=3e-5), name
    assert len(found["encoder"].states) == 183 and len(found["encoder.1"].states) in (366, 367)
    assert len(found["lm.1"].states) == len(expected["lm.1"])


@pytest.mark.parametrize("batch_tokens", [10_000, 200])
def test_a_batch_equals_every_clip_alone(model, batch_tokens):
    names = ["encoder.2", "encoder", "lm.1", "lm.3"]
    ours = extractor(model, names, batch_tokens=batch_tokens)
    clips = [wave(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    for clip, together in zip(clips, ours.batch(clips)):
        (alone,) = ours.batch([clip])
        for name in names:
            assert torch.allclose(alone[name].states, together[name].states, atol=2e-5), name


def test_only_what_the_highest_layer_needs_is_there_and_runs(model):
    ours = extractor(model, ["encoder.1"])
    assert ours.decoder is None and len(ours.encoder.tower.layers) == 1
    ran = []
    ours.encoder.tower.layers[0].register_forward_hook(lambda *a: ran.append("layer"))
    for module in ours.encoder.tower.modules():
        if type(module).__name__ == "LayerNorm" and module in (
            getattr(ours.encoder.tower, "ln_post", None),
            getattr(ours.encoder.tower, "layer_norm", None),
        ):
            module.register_forward_hook(lambda *a: ran.append("final norm"))
    list(ours.batch([wave(1.0)]))
    assert "final norm" not in ran
    with_lm = extractor(model, ["lm.2"])
    assert len(with_lm.decoder.model.layers) == 2 and with_lm.decoder.head is None
    calls = []
    for number, layer in enumerate(with_lm.decoder.model.layers):
        layer.register_forward_hook(lambda m, i, o, n=number: calls.append(n))
    list(with_lm.batch([wave(1.0)]))
    assert calls == [0, 1]


def test_no_language_model_is_read_for_encoder_layers(model, monkeypatch):
    family, _ = model

    def refuse(*_arguments, **_more):
        raise AssertionError("the language model was loaded")

    monkeypatch.setattr(family, "Decoder", refuse)
    (found,) = extractor(model, ["encoder", "projector"]).batch([wave(1.0)])
    assert len(found["encoder"].states) == 25


def test_spans_are_what_the_index_says(model):
    whole = extractor(model, ["lm.2"], span="all")
    (all_,) = whole.batch([wave(2.0)])
    (audio,) = extractor(model, ["lm.2"], span="audio").batch([wave(2.0)])
    (text,) = extractor(model, ["lm.2"], span="text").batch([wave(2.0)])
    segments = all_["lm.2"].segments
    assert [s.kind for s in segments] == ["text", "audio", "text"]
    assert (segments[1].start_s, segments[1].end_s) == (0.0, 2.0)
    assert segments[1].end - segments[1].start == 50 and segments[-1].end == len(all_["lm.2"].states)
    states = all_["lm.2"].states
    assert torch.equal(audio["lm.2"].states, states[segments[1].start : segments[1].end])
    rest = torch.cat([states[segments[0].start : segments[0].end], states[segments[2].start :]])
    assert torch.equal(text["lm.2"].states, rest)
    ids = whole._ids(50)
    assert ids[segments[1].start] == ids[segments[1].end - 1] == whole.decoder.audio_id


@pytest.mark.parametrize("pooling", ["mean", "last", "masked_mean"])
def test_pooling_is_of_the_rows_that_none_stores(model, pooling):
    clips = [wave(2.0), wave(4.5, 1)]
    rows = list(extractor(model, ["encoder", "lm.3"], span="audio").batch(clips))
    pooled = list(extractor(model, ["encoder", "lm.3"], pooling, span="audio").batch(clips))
    for one, other in zip(rows, pooled):
        for name in ("encoder", "lm.3"):
            states = one[name].states
            expected = states[-1] if pooling == "last" else states.mean(0)
            assert torch.allclose(other[name].states, expected, atol=1e-5)


@pytest.mark.parametrize("seconds", [30.0, 30.01, 44.3, 71.234])
def test_long_audio_is_windowed_for_30_second_encoders_and_whole_for_omni(model, seconds):
    family, _ = model
    samples = wave(seconds)
    ours = extractor(model, ["encoder.1", "encoder", "lm.1"], span="audio")
    (found,) = ours.batch([samples])
    tokens = found["encoder"]
    expected_windows = (
        1
        if family_named(kind_of(family)).audio.window_s is None or seconds <= 30
        else (2 if seconds < 58 else 3)
    )
    assert tokens.windows == expected_windows
    frames = -(-len(samples) // 160)
    assert len(tokens.states) == len(found["lm.1"].states) == audio_tokens(frames)
    assert len(found["encoder.1"].states) == (frames - 1) // 2 + 1
    # Less than a token may be left at the end: there is no state for it.
    assert seconds - 0.04 < tokens.segments[-1].end_s <= seconds
    edges = [(s.start, s.end) for s in tokens.segments]
    assert edges[0][0] == 0 and edges[-1][1] == len(tokens.states)
    assert all(a[1] == b[0] for a, b in zip(edges, edges[1:]))
    assert all(a.end_s == pytest.approx(b.start_s) for a, b in zip(tokens.segments, tokens.segments[1:]))


def test_a_window_gives_what_the_same_stretch_gives_alone(qwen2_audio):
    model = (importlib.import_module("earmark.models.qwen2_audio"), qwen2_audio)
    ours = extractor(model, ["encoder"])
    samples = wave(40.0)
    (found,) = ours.batch([samples])
    first, second = (piece.window for piece in ours.pieces(0, len(samples)))
    (alone,) = ours.batch([samples[second.start * 640 :]])
    own = second.own_start - second.start
    assert torch.allclose(
        found["encoder"].states[second.own_start :], alone["encoder"].states[own:], atol=1e-5
    )
    assert first.end - second.start == 50


def test_a_prompt_without_a_placeholder_goes_through_the_chat_template(model):
    (found,) = extractor(model, ["lm.0"], span="all", prompt="What is it?").batch([wave(1.0)])
    raw = extractor(model, ["lm.0"], span="all", prompt=PROMPT)._ids(25)
    assert len(found["lm.0"].states) > len(raw) - 10 and found["lm.0"].segments[1].kind == "audio"
