"""The shapes at the published configurations, on the meta device: no weights, no memory, no network."""

from __future__ import annotations

import importlib
import json

import pytest
import torch

from earmark.models import language, loading, omni, qwen2_audio
from earmark.models.checkpoint import Checkpoint
from earmark.models.sizes import Depth
from earmark.systems.embeddings.layers import Plan, parse

# As published: Qwen/Qwen2-Audio-7B, Qwen/Qwen2.5-Omni-3B and -7B.
AUDIO = {"d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120}
QWEN2_AUDIO = {
    "model_type": "qwen2_audio",
    "audio_token_index": 151646,
    "audio_config": {"model_type": "qwen2_audio_encoder", "num_mel_bins": 128, "max_source_positions": 1500}
    | AUDIO,
    "text_config": {
        "model_type": "qwen2",
        "vocab_size": 156032,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 8192,
    },
}


def omni_config(width, layers, heads, kv_heads, ffn, vocabulary):
    return {
        "model_type": "qwen2_5_omni_thinker",
        "audio_token_index": 151646,
        "audio_config": {"num_mel_bins": 128, "n_window": 100, "output_dim": width} | AUDIO,
        "text_config": {
            "vocab_size": vocabulary,
            "hidden_size": width,
            "intermediate_size": ffn,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "max_position_embeddings": 32768,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e6,
                "mrope_section": [16, 24, 24],
            },
        },
    }


PUBLISHED = [
    ("qwen2_audio", QWEN2_AUDIO, 32, 4096),
    ("omni", omni_config(2048, 36, 16, 2, 11008, 151936), 36, 2048),
    ("omni", omni_config(3584, 28, 28, 4, 18944, 152064), 28, 3584),
]


@pytest.fixture(params=PUBLISHED, ids=["qwen2-audio-7b", "omni-3b", "omni-7b"])
def published(request, tmp_path, checkpoint, monkeypatch):
    """A family, a checkpoint folder with a published config and no weights, its depth and width."""
    kind, config, layers, width = request.param
    for path in checkpoint.folder.iterdir():
        if path.suffix in (".json", ".jinja", ".txt"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    for module in (language, loading, omni, qwen2_audio):
        monkeypatch.setattr(module, "read_tensors", lambda *_arguments: {})
        monkeypatch.setattr(module, "fill", lambda *_arguments: None)
    return importlib.import_module(f"earmark.models.{kind}"), Checkpoint(tmp_path, {}), layers, width


def test_30_seconds_have_the_shapes_of_the_published_models(published):
    family, checkpoint, layers, width = published
    assert family.depth(checkpoint) == Depth(32, layers, 1280, width)
    with torch.device("meta"):
        encoder = family.Encoder(checkpoint, "meta", "float32")
        mel = torch.empty(128, 3000 + getattr(family, "MARGIN", 0))
        wanted = ["encoder.0", "encoder.32", "encoder", "projector"]
        (states,) = encoder.states([mel], wanted)
        decoder = family.Decoder(checkpoint, "meta", "float32", "eager", head=False)
        # The seed's 7 ids, one of which, the placeholder, becomes 750: 756 in all.
        # (<|audio_bos|> <|AUDIO|> <|audio_eos|> Describe, the, music, :)
        length = 7 - 1 + 750
        embeddings = torch.empty(1, length, width)
        mask, positions = torch.ones(1, length, dtype=torch.long), torch.arange(length)[None]
        hidden = decoder.hidden(embeddings, mask, positions, range(layers + 1))
    assert states["encoder"][None].shape == (1, 750, 1280)
    assert states["encoder.0"].shape == states["encoder.32"].shape == (1500, 1280)
    assert states["projector"].shape == (750, width)
    assert len(hidden) == layers + 1
    assert all(hidden[i].shape == (1, 756, width) for i in range(layers + 1))


def test_layer_8_of_32_reads_a_quarter_of_the_language_model(published):
    family, checkpoint, _, _ = published
    plan = Plan.of([parse("lm.8")], family.depth(checkpoint))
    with torch.device("meta"):
        decoder = family.Decoder(checkpoint, "meta", "float32", "eager", layers=plan.lm_layers, head=False)
    assert len(decoder.model.layers) == 8 and decoder.head is None


def test_at_full_width_one_layer_computes_the_same_shape_with_numbers(published):
    # Random weights, one layer of each part: what the meta device promises, arithmetic keeps.
    family, checkpoint, _, width = published
    with torch.device("meta"):
        tower = family.Encoder(checkpoint, "meta", "float32", layers=1, project=False).tower
    tower = tower.to_empty(device="cpu")
    for weight in [*tower.parameters(), *tower.buffers()]:
        torch.nn.init.normal_(weight, std=0.02)
    encoder = family.Encoder.__new__(family.Encoder)
    encoder.__dict__.update(device=torch.device("cpu"), dtype=torch.float32, tower=tower, projector=None)
    encoder.__dict__.update(window=200, frames=3000)
    mel = torch.randn(128, 3000 + getattr(family, "MARGIN", 0))
    (states,) = encoder.states([mel], ["encoder.1"])
    assert states["encoder.1"].shape == (1500, 1280) and bool(torch.isfinite(states["encoder.1"]).all())
