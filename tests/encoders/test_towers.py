"""Encoders of every kind keep one contract, and a clip's features depend on the clip alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earmark.core.errors import UserError
from earmark.models import families, towers
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.families import family
from earmark.models.towers.asked import Tower

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
}  # fmt: skip
WAVES = {**SMALL, "conv_dim": [16] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
CLAP = {
    "patch_embeds_hidden_size": 16, "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "hidden_size": 128,
}  # fmt: skip
RANDOM = {
    "wav2vec2": (WAVES, 50), "hubert": (WAVES, 50), "wavlm": ({**WAVES, "feat_extract_norm": "layer"}, 50),
    "audio_spectrogram_transformer": (SMALL, 10), "clap": (CLAP, 3.2),
    "dasheng": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 25),
}  # fmt: skip
OWN = """
import torch
from transformers.models.whisper.modeling_whisper import WhisperEncoder  # an import that ends like ours

class MyEncoder(torch.nn.Module):
    output_dim = 4
    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale
    def forward(self, audio, audio_attention_mask=None):
        frames = audio[:, : audio.shape[1] // 160 * 160].unflatten(1, (-1, 160))
        mask = None if audio_attention_mask is None else audio_attention_mask[:, ::160][:, : frames.shape[1]]
        return self.scale * frames[..., :4], mask
"""


def batch():
    lengths = (20_000, 12_000, 300)
    audio, mask = torch.zeros(3, 20_000), torch.zeros(3, 20_000, dtype=torch.int32)
    for row, length in enumerate(lengths):
        audio[row, :length] = torch.randn(length, generator=torch.Generator().manual_seed(row)) * 0.1
        mask[row, :length] = 1
    return audio, mask, lengths


def check(tower, rate):
    audio, mask, lengths = batch()
    with torch.no_grad():
        features, kept = tower(audio, mask)
        alone = [tower(audio[row : row + 1, :length], None)[0][0] for row, length in enumerate(lengths)]
    assert features.shape[2] == tower.output_dim and kept.shape == features.shape[:2]
    assert features.shape[1] == pytest.approx(20_000 / 16_000 * rate, abs=2)
    for row, one in enumerate(alone):
        assert torch.allclose(features[row, : int(kept[row].sum())], one, atol=1e-4)


@pytest.mark.parametrize("kind", RANDOM)
def test_a_random_encoder_of_each_kind_keeps_the_contract(kind):
    sizes, rate = RANDOM[kind]
    check(towers.load(Tower(kind=kind, random=sizes), None, "cpu"), rate)


def test_a_familys_encoder_keeps_the_contract(whisper, qwen2_audio, checkpoint):
    for kind, made, rate in (
        ("whisper", whisper, 50),
        ("qwen2_audio", qwen2_audio, 25),
        ("omni", checkpoint, 25),
    ):
        check(towers.load(Tower(kind=kind), made, "cpu"), rate)


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm", "audio_spectrogram_transformer", "clap", "dasheng"])
def test_a_checkpoint_of_each_kind_is_a_family_whose_states_can_be_stored(kind, tmp_path):
    sizes, rate = RANDOM[kind]
    tower = towers.load(Tower(kind=kind, random=sizes), None, "cpu")
    if kind == "dasheng":
        from safetensors.torch import save_file

        from earmark.core.files import write_json

        save_file({f"encoder.{k}": v for k, v in tower.state_dict().items()}, tmp_path / "model.safetensors")
        write_json(tmp_path / "config.json", {"model_type": "dasheng", **sizes})
    else:
        tower.model.save_pretrained(tmp_path)
    made = Checkpoint(tmp_path, describe_folder(tmp_path, {}, tmp_path))
    encoder = family(kind).encoder(made, "cpu", "float32")
    samples = batch()[0][0].numpy()
    [states] = encoder.encode([encoder.mel(samples)])
    with torch.no_grad():
        expected = tower(torch.from_numpy(samples)[None], None)[0][0]
    assert torch.allclose(states, expected, atol=1e-5) and encoder.width == states.shape[1]
    assert family(kind).audio.tokens_per_second == pytest.approx(rate, rel=0.01)


def test_a_class_in_a_file_is_found_beside_imports_that_end_like_it(tmp_path):
    path = tmp_path / "anywhere" / "mine.py"
    path.parent.mkdir()
    path.write_text(OWN)
    tower = towers.load(Tower(kind="own", code=str(path), arguments={"scale": 2.0}), None, "cpu")
    features, mask = tower(torch.ones(1, 320), torch.ones(1, 320, dtype=torch.int32))
    assert features.tolist() == np.full((1, 2, 4), 2.0).tolist() and mask.tolist() == [[1, 1]]
    assert type(towers.load(Tower(kind="own", code=f"{path}:MyEncoder"), None, "cpu")).__name__ == "MyEncoder"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (
            OWN + OWN.replace("MyEncoder", "OtherEncoder"),
            "{}",
            "defines 2 classes called ...Encoder; name one",
        ),
        (OWN, "{}:WhisperEncoder", "defines no class WhisperEncoder; name one"),
        ("x = 1/0", "{}", "cannot be imported .ZeroDivisionError"),
        (OWN, "nothere.Encoder", "'nothere.Encoder' is neither a .py file nor the dotted name of a class"),
        (OWN, "/nothere.py", "there is no file /nothere.py"),
        (OWN.replace("torch.nn.Module", "object"), "{}", "is no torch.nn.Module"),
    ],
)
def test_a_class_that_cannot_be_used_ends_in_one_line(tmp_path, content, code, message):
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        towers.load(Tower(kind="own", code=code.format(path)), None, "cpu")


def test_a_checkpoint_of_another_kind_is_refused(whisper):
    with pytest.raises(UserError, match="holds no encoder of kind wavlm .its model_type is whisper"):
        towers.load(Tower(kind="wavlm"), whisper, "cpu")


def test_every_kind_of_encoder_is_a_family_too():
    assert set(towers.KINDS) - {"own"} <= set(families.names())
