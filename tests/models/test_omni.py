"""Our two parts of the thinker equal the stock model, whatever repository they are loaded from."""

from __future__ import annotations

import json
import logging
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import DynamicCache, Qwen2_5OmniThinkerForConditionalGeneration

from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint
from earmark.models.lengths import audio_tokens
from earmark.models.omni import SAMPLE_RATE, Decoder, Encoder

# Odd tails, one window, less than one, exactly one token: every way a clip can end.
SECONDS = (7.33, 2.0, 0.5, 11.007, 0.04, 4.0)


@pytest.fixture(scope="module")
def stock(checkpoint):
    return Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(checkpoint.folder).eval()


@pytest.fixture(scope="module")
def encoder(checkpoint):
    return Encoder(checkpoint, "cpu", "float32")


def waves():
    rng = np.random.default_rng(0)
    return [(rng.standard_normal(round(s * SAMPLE_RATE)) * 0.1).astype(np.float32) for s in SECONDS]


def stock_states(stock, encoder, wave):
    features = encoder.extractor(
        [wave],
        sampling_rate=SAMPLE_RATE,
        padding="longest",
        truncation=False,
        return_attention_mask=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        states = stock.get_audio_features(
            features.input_features, feature_attention_mask=features.attention_mask
        )
    return features, states.last_hidden_state


def test_batched_windows_equal_the_stock_tower(stock, encoder):
    encoded = encoder.encode([encoder.mel(wave) for wave in waves()])
    for wave, states in zip(waves(), encoded):
        _, expected = stock_states(stock, encoder, wave)
        assert states.shape == expected.shape
        assert torch.allclose(states, expected, atol=1e-5)


def test_token_counts_follow_the_formula(encoder):
    for wave, states in zip(waves(), encoder.encode([encoder.mel(w) for w in waves()])):
        assert len(states) == audio_tokens(encoder.mel(wave).shape[1])
    assert [audio_tokens(100 * s) for s in (1, 10, 30, 120, 240, 420)] == [25, 250, 750, 3000, 6000, 10500]


def test_mel_has_natural_length_beyond_300_seconds(encoder):
    assert encoder.mel(np.zeros(301 * SAMPLE_RATE, np.float32)).shape == (128, 30100)


def test_prefill_from_states_equals_the_stock_model_from_audio(stock, checkpoint, encoder):
    decoder, wave = Decoder(checkpoint, "cpu", "float32", "sdpa"), waves()[0]
    features, states = stock_states(stock, encoder, wave)
    ids = torch.tensor([decoder.prompt_ids("What is heard?", "Listen.", len(states))])
    with torch.no_grad():
        expected = stock(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            input_features=features.input_features,
            feature_attention_mask=features.attention_mask,
        ).logits[:, -1]
        (own,) = encoder.encode([encoder.mel(wave)])
        positions = torch.arange(ids.shape[1])[None]
        cache = DynamicCache(config=decoder.model.config)
        logits = decoder.forward(decoder.embed(ids, [own]), torch.ones_like(ids), positions, cache)
    assert torch.allclose(logits, expected, atol=1e-5)


def full_repository(checkpoint, folder):
    """Lay out the thinker as the published repositories do: prefixed, sharded, a talker beside it."""
    folder.mkdir()
    for path in checkpoint.folder.iterdir():
        if path.suffix in (".json", ".jinja", ".txt") and path.name != "config.json":
            (folder / path.name).write_bytes(path.read_bytes())
    thinker = json.loads((checkpoint.folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_omni", "thinker_config": thinker}))
    tensors = {f"thinker.{k}": v for k, v in load_file(checkpoint.folder / "model.safetensors").items()}
    names = sorted(tensors)
    halves = {"a.safetensors": names[: len(names) // 2], "b.safetensors": names[len(names) // 2 :]}
    for file, keys in halves.items():
        save_file({k: tensors[k] for k in keys}, folder / file)
    weight_map = {k: file for file, keys in halves.items() for k in keys}
    # The talker's file isn't even there: reading it would fail.
    weight_map["talker.model.embed_tokens.weight"] = "talker.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return Checkpoint(folder, {})


def test_a_full_omni_repository_gives_the_same_thinker_without_touching_the_talker(
    checkpoint, encoder, tmp_path
):
    other = full_repository(checkpoint, tmp_path / "full")
    mel = encoder.mel(waves()[0])
    assert torch.equal(Encoder(other, "cpu", "float32").encode([mel])[0], encoder.encode([mel])[0])
    ours, theirs = (Decoder(c, "cpu", "float32", "sdpa") for c in (checkpoint, other))
    for (name, a), b in zip(ours.model.state_dict().items(), theirs.model.state_dict().values()):
        assert torch.equal(a, b), name
    assert torch.equal(ours.head.weight, theirs.head.weight)


def test_a_checkpoint_of_another_shape_is_refused_by_name(checkpoint, tmp_path):
    other = full_repository(checkpoint, tmp_path / "full")
    config = json.loads((other.folder / "config.json").read_text())
    config["thinker_config"]["text_config"] |= {"num_hidden_layers": 2, "layer_types": ["full_attention"] * 2}
    (other.folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"unknown tensor 'layers\.2"):
        Decoder(other, "cpu", "float32", "sdpa")


def test_a_damaged_config_is_a_user_error(checkpoint, tmp_path):
    other = full_repository(checkpoint, tmp_path / "full")
    (other.folder / "config.json").write_text(
        '{"model_type": "qwen2_5_omni", "thinker_config": {"text_config": 7}}'
    )
    with pytest.raises(UserError, match=r"config\.json"):
        Decoder(other, "cpu", "float32", "sdpa")


def test_special_tokens_in_a_prompt_are_text(checkpoint):
    decoder = Decoder(checkpoint, "cpu", "float32", "sdpa")
    ids = decoder.prompt_ids("say <|AUDIO|> and <|im_end|>", "<|AUDIO|>", 3)
    assert ids.count(decoder.audio_id) == 3
    assert sum(i in decoder.stop_ids for i in ids) == sum(
        i in decoder.stop_ids for i in decoder.prompt_ids("say it", "x", 3)
    )


def test_a_full_omni_is_read_without_a_word_about_its_talker(checkpoint, tmp_path, caplog):
    shutil.copytree(checkpoint.folder, tmp_path, dirs_exist_ok=True)
    thinker = json.loads((tmp_path / "config.json").read_text())
    # The defaults of the talker's config are its published token ids, outside of this small vocabulary.
    whole = {"model_type": "qwen2_5_omni", "thinker_config": thinker, "talker_config": {}}
    (tmp_path / "config.json").write_text(json.dumps(whole))
    full = Checkpoint(tmp_path, {})
    logging.getLogger("transformers").addHandler(caplog.handler)
    try:
        Encoder(full, "cpu", "float32")
        decoder = Decoder(full, "cpu", "float32", "sdpa")
    finally:
        logging.getLogger("transformers").removeHandler(caplog.handler)
    assert not caplog.records
    assert decoder.audio_id == thinker["audio_token_index"]
