"""Our parts of Qwen2-Audio equal the stock model given 30 s of padding and its mask."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoFeatureExtractor, DynamicCache, Qwen2AudioForConditionalGeneration

from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint
from earmark.models.lengths import audio_tokens
from earmark.models.qwen2_audio import SAMPLE_RATE, Decoder, Encoder

# Odd tails, very short, the whole window and just less than it: every way a clip can end.
SECONDS = (7.33, 2.0, 0.5, 11.007, 0.04, 29.995, 30.0)
PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>Describe the music:"


@pytest.fixture(scope="module")
def stock(qwen2_audio):
    return Qwen2AudioForConditionalGeneration.from_pretrained(qwen2_audio.folder).eval()


@pytest.fixture(scope="module")
def encoder(qwen2_audio):
    return Encoder(qwen2_audio, "cpu", "float32")


def waves():
    rng = np.random.default_rng(0)
    return [(rng.standard_normal(round(s * SAMPLE_RATE)) * 0.1).astype(np.float32) for s in SECONDS]


def features_of(checkpoint, wave):
    extractor = AutoFeatureExtractor.from_pretrained(checkpoint.folder)
    return extractor(
        [wave],
        sampling_rate=SAMPLE_RATE,
        padding="max_length",
        return_attention_mask=True,
        return_tensors="pt",
    )


def stock_run(checkpoint, stock, wave, tower_states=None):
    """Hidden states of the stock language model, and of its tower through a hook."""
    features = features_of(checkpoint, wave)
    decoder_ids = Decoder(checkpoint, "cpu", "float32", "sdpa", layers=1, head=False)
    n = audio_tokens(int(features.attention_mask.sum()))
    ids = torch.tensor([decoder_ids.raw_ids(PROMPT, n)])
    seen = {}
    tower = stock.model.audio_tower
    hooks = [
        layer.register_forward_hook(lambda m, i, o, k=k: seen.update({f"encoder.{k + 1}": o, f"in{k}": i[0]}))
        for k, layer in enumerate(tower.layers)
    ]
    hooks.append(tower.register_forward_hook(lambda m, i, o: seen.update(encoder=o.last_hidden_state)))
    hooks.append(
        stock.model.multi_modal_projector.register_forward_hook(lambda m, i, o: seen.update(projector=o))
    )
    with torch.no_grad():
        out = stock(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            input_features=features.input_features,
            feature_attention_mask=features.attention_mask,
            output_hidden_states=True,
        )
    for hook in hooks:
        hook.remove()
    seen["encoder.0"] = seen["in0"]
    return ids, out, seen, n


@pytest.mark.parametrize("number", range(len(SECONDS)))
def test_every_encoder_layer_equals_the_stock_tower_with_its_mask(qwen2_audio, stock, encoder, number):
    wave = waves()[number]
    wanted = [*(f"encoder.{i}" for i in range(4)), "encoder", "projector"]
    (states,) = encoder.states([encoder.mel(wave)], wanted)
    _, _, expected, n = stock_run(qwen2_audio, stock, wave) if SECONDS[number] >= 0.1 else (0, 0, None, 1)
    assert len(states["encoder"]) == n
    if expected is not None:
        for layer in wanted:
            rows = len(states[layer])
            assert rows == (n if layer in ("encoder", "projector") else expected_positions(wave))
            assert torch.allclose(states[layer], expected[layer][0, :rows], atol=2e-5), layer


def expected_positions(wave):
    return (-(-len(wave) // 160) - 1) // 2 + 1


def test_a_batch_equals_every_clip_alone(encoder):
    wanted = ["encoder.2", "encoder", "projector"]
    mels = [encoder.mel(wave) for wave in waves()]
    for mel, together in zip(mels, encoder.states(mels, wanted)):
        (alone,) = encoder.states([mel], wanted)
        for layer in wanted:
            assert torch.allclose(alone[layer], together[layer], atol=1e-5)


def test_audio_beyond_30_seconds_is_encoded_whole(encoder):
    wave = np.random.default_rng(1).standard_normal(round(70.51 * SAMPLE_RATE)).astype(np.float32) * 0.1
    (states,) = encoder.encode([encoder.mel(wave)])
    assert len(states) == audio_tokens(7051)


def test_language_model_states_equal_output_hidden_states(qwen2_audio, stock, encoder):
    wave = waves()[0]
    ids, out, _, _ = stock_run(qwen2_audio, stock, wave)
    decoder = Decoder(qwen2_audio, "cpu", "float32", "sdpa", head=False)
    embeddings = decoder.embed(ids, encoder.encode([encoder.mel(wave)]))
    hidden = decoder.hidden(
        embeddings, torch.ones_like(ids), torch.arange(ids.shape[1])[None], range(len(out.hidden_states))
    )
    assert sorted(hidden) == [0, 1, 2, 3]
    for number, expected in enumerate(out.hidden_states):
        assert torch.allclose(hidden[number], expected, atol=2e-5), number


def test_logits_equal_the_stock_model(qwen2_audio, stock, encoder):
    wave = waves()[3]
    ids, out, _, _ = stock_run(qwen2_audio, stock, wave)
    decoder = Decoder(qwen2_audio, "cpu", "float32", "sdpa")
    logits = decoder.forward(
        decoder.embed(ids, encoder.encode([encoder.mel(wave)])),
        torch.ones_like(ids),
        torch.arange(ids.shape[1])[None],
        DynamicCache(config=decoder.model.config),
    )
    assert torch.allclose(logits, out.logits[:, -1], atol=2e-5)


def test_both_spellings_of_the_tensor_names_load(qwen2_audio, encoder, tmp_path):
    stored = load_file(qwen2_audio.folder / "model.safetensors")
    new = {}
    for key, value in stored.items():
        for old, other in (
            ("language_model.lm_head", "lm_head"),
            ("language_model.model", "model.language_model"),
            ("audio_tower", "model.audio_tower"),
            ("multi_modal_projector", "model.multi_modal_projector"),
        ):
            if key.startswith(old):
                new[other + key[len(old) :]] = value
                break
        else:
            pytest.fail(f"transformers now writes {key}; the published checkpoints spell it otherwise")
    for path in qwen2_audio.folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    save_file(new, tmp_path / "model.safetensors")
    other = Checkpoint(tmp_path, {})
    mel = encoder.mel(waves()[0])
    assert torch.equal(Encoder(other, "cpu", "float32").encode([mel])[0], encoder.encode([mel])[0])
    ours, theirs = (Decoder(c, "cpu", "float32", "sdpa") for c in (qwen2_audio, other))
    assert torch.equal(ours.head.weight, theirs.head.weight)
    for (name, a), b in zip(ours.model.state_dict().items(), theirs.model.state_dict().values()):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_fewer_layers_are_read_and_give_the_same_states(qwen2_audio, encoder, layers):
    few = Decoder(qwen2_audio, "cpu", "float32", "sdpa", layers=layers, head=False)
    whole = Decoder(qwen2_audio, "cpu", "float32", "sdpa")
    assert len(few.model.layers) == layers and few.head is None
    states = encoder.encode([encoder.mel(waves()[0])])
    ids = torch.tensor([few.raw_ids(PROMPT, len(states[0]))])
    mask, positions = torch.ones_like(ids), torch.arange(ids.shape[1])[None]
    a, b = (d.hidden(d.embed(ids, states), mask, positions, [layers])[layers] for d in (few, whole))
    assert torch.allclose(a, b, atol=1e-6)


def test_a_checkpoint_of_another_family_is_refused(checkpoint):
    with pytest.raises(UserError, match=r"no Qwen2-Audio config \(model_type is 'qwen2_5_omni_thinker'\)"):
        Encoder(checkpoint, "cpu", "float32")


def test_a_damaged_config_is_a_user_error(qwen2_audio, tmp_path):
    raw = json.loads((qwen2_audio.folder / "config.json").read_text()) | {"text_config": 7}
    (tmp_path / "config.json").write_text(json.dumps(raw))
    with pytest.raises(UserError, match=r"config\.json"):
        Decoder(Checkpoint(tmp_path, {}), "cpu", "float32", "sdpa")
