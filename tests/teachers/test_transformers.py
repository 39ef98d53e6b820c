"""Classifiers of the library: their own extractor and rate, their classes by name, whole weights only."""

import json

import numpy as np
import pytest
import torch
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    ASTModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
)

from earmark.core.errors import UserError
from earmark.data import shards

from .conftest import packed

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def ast(folder, names, kind=ASTForAudioClassification):
    """A small AST as transformers saves it."""
    torch.manual_seed(0)
    labels = dict(enumerate(names))
    config = ASTConfig(**SMALL, max_length=64, id2label=labels, label2id={v: k for k, v in labels.items()})
    model = kind(config).eval()
    model.save_pretrained(folder)
    ASTFeatureExtractor(max_length=64).save_pretrained(folder)
    return model


@pytest.fixture
def low(tmp_path):
    """Sounds at 32 kHz; the models below hear 16."""
    return packed(tmp_path / "sounds", count=4)


def test_a_classifiers_logits_are_those_of_the_library_in_the_tasks_order(low, tmp_path) -> None:
    model = ast(tmp_path / "ast", ["chirp", "hum", "hiss"])
    settings = low.settings("transformers", path=str(tmp_path / "ast")) | {"storage": "float32"}
    record = low.teach(settings)

    stored = low.logits(settings)

    assert record["order"] == [1, 2, 0]
    assert record["sample_rate"] == 16000
    extractor = ASTFeatureExtractor.from_pretrained(tmp_path / "ast")
    waves = dict(shards.stream(low.tar, 16000))
    for clip in (low.clips[0], low.clips[3]):
        inputs = extractor(waves[clip.key], sampling_rate=16000, return_tensors="pt")
        with torch.no_grad():
            expected = model(**inputs).logits[0, [1, 2, 0]].numpy()
        np.testing.assert_allclose(stored.get(clip.clip_id)[0], expected, atol=1e-5)


def test_classes_that_are_not_the_tasks_are_refused(low, tmp_path) -> None:
    ast(tmp_path / "ast", ["chirp", "hum", "bang"])

    with pytest.raises(UserError, match="it lacks 1 \\('hiss'\\), the task lacks 1 \\('bang'\\)"):
        low.teach(low.settings("transformers", path=str(tmp_path / "ast")))


def test_clips_of_different_lengths_do_not_change_each_other(tmp_path) -> None:
    found = packed(tmp_path / "sounds", count=4)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        **SMALL, conv_dim=(16, 16), conv_stride=(5, 4), conv_kernel=(10, 8), num_feat_extract_layers=2,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, classifier_proj_size=8,
        id2label={0: "hum", 1: "hiss", 2: "chirp"}, label2id={"hum": 0, "hiss": 1, "chirp": 2},
    )  # fmt: skip
    Wav2Vec2ForSequenceClassification(config).save_pretrained(tmp_path / "w2v")
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "w2v")
    found.clips[1].parts[0] = found.clips[1].parts[0].__class__(found.clips[1].parts[0].path, 0.0, 0.3)
    found.clips[1].duration_s = 0.3
    shards.write(lambda: found.clips, found.tar, found.index, shards.Form(32000), max_failed_share=0.5)
    together = found.settings("transformers", path=str(tmp_path / "w2v")) | {"storage": "float32"}
    found.teach(together)

    many, alone = found.logits(together), found.logits(together | {"batch": 1}, "alone/a.safetensors")

    for name in ("clip 0", "clip 1", "clip 3"):
        np.testing.assert_allclose(many.get(name), alone.get(name), atol=1e-5)


def test_a_model_without_a_trained_head_is_refused(low, tmp_path) -> None:
    ast(tmp_path / "ast", ["hum", "hiss", "chirp"])
    ast(tmp_path / "body", ["hum", "hiss", "chirp"], ASTModel)

    with pytest.raises(UserError, match="lacks weights of an audio classifier"):
        low.teach(low.settings("transformers", path=str(tmp_path / "body")))


def test_what_is_no_audio_classifier_is_refused_in_one_line(low, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no folder"):
        low.teach(low.settings("transformers", path=str(tmp_path / "nowhere")))
    for content in ({}, {"model_type": "bert"}):
        (tmp_path / "empty/config.json").write_text(json.dumps(content))
        with pytest.raises(UserError, match="no audio classifier") as error:
            low.teach(low.settings("transformers", path=str(tmp_path / "empty")))
        assert "\n" not in str(error.value)
