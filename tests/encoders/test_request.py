"""What encoder scoring asks of the configuration: names checked, models made, files named."""

from __future__ import annotations

import pytest
import yaml

from earmark.config.excerpt import excerpt
from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.models.families import family
from earmark.systems.encoders import request
from earmark.systems.encoders.entries import Suite
from earmark.systems.encoders.form import WAVES, Form
from earmark.systems.pruning import request as pruning

CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(**more):
        return Settings.load(CONFIG | more, tmp_path)

    return run


def test_presets_are_suites_whose_keys_may_be_laid_over(load):
    settings = load(suites={"esc-50": {"training": {"max_steps": 7}}})
    job = request.training(settings, "whisper-base", "esc-50")
    assert job.training.max_steps == 7 and job.lora.dropout == 0.1
    assert job.projector.stack == 1 and len(job.sources[0].shards) == 4
    assert len(request.train_files(settings, "whisper-base", "task1")) == 863
    assert request.test_files(settings, "whisper-base", "task1", "clotho")[0].startswith(
        "features/encoders/whisper-base/whole-float32/test_000000-"
    )


def test_upstreams_way_stores_audio_by_its_filter_and_half_of_whispers_frames(load):
    settings = load(suites={"esc-50": {"compat": "xares"}})
    assert str(request.train_form(settings, "esc-50")) == "audio"
    assert str(request.test_form(settings, "whisper-base", "esc-50")) == "whole-float32-sinc-half"
    assert str(request.test_form(settings, "log-mel", "esc-50")) == "whole-float32-sinc"
    with pytest.raises(
        UserError, match="compat: xares has one token a frame; leave projector.pool and stack"
    ):
        request.training(
            load(suites={"gtzan": {"compat": "xares", "projector": {"stack": 2}}}), "log-mel", "gtzan"
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"train_data": {"a": {"data": []}}}, "train.train_data.a.data: an empty list; give one entry"),
        ({"train_data": {"a": {"data": "a.tar", "prob": 0}}}, "train.train_data.a.prob: 0 is less than"),
        ({"optimizer": "sgd"}, "train.optimizer: 'sgd' is not one of 'adamw_torch'"),
        (
            {"per_device_train_batch_size": 200},
            "sort_by_length is 128, fewer samples than the 200 of a batch",
        ),
    ],
)
def test_a_mistake_in_a_training_that_is_written_out_is_named_where_it_stands(load, tmp_path, more, message):
    (tmp_path / "a.tar").write_bytes(b"")
    suite = {
        "train": {"train_data": {"a": {"data": "a.tar"}}, **more},
        "eval": {"a": {"data": {"data": "a.tar"}, "metric": "Accuracy"}},
    }
    with pytest.raises(UserError, match=f"suite 'x': .*{message}"):
        settings = load(suites={"x": suite})
        settings.check_sound("suites", "x")
        request.training(settings, "log-mel", "x")


def test_another_language_model_in_a_users_file_is_not_passed_over(load, tmp_path):
    (tmp_path / "a.tar").write_bytes(b"")
    block = {"data": "a.tar", "prompt": "What is heard?"}
    said = {"decoder_model_name": "gpt2", "train_data": {"a": block}}
    suite = {"train": said, "eval": {"a": {"data": block, "metric": "Accuracy"}}}
    with pytest.raises(
        UserError, match="suite 'x': train: decoder_model_name is 'gpt2'; set the suite's decoder"
    ):
        request.training(load(suites={"x": suite}), "log-mel", "x")
    named = load(suites={"x": suite | {"decoder": "smollm2-135m"}})
    assert request.training(named, "log-mel", "x").suite == "x"


@pytest.mark.parametrize(
    "form", [Form("float32"), Form("float16", 30, 42), WAVES, Form("float32", half=True, sinc=True)]
)
def test_a_form_is_spelt_in_a_path_and_read_back(form):
    assert Form.read(str(form)) == form


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"encoders": {"x": {"title": "X"}}}, "encoder 'x': give exactly one of model, code, random"),
        ({"encoders": {"x": {"title": "X", "model": "demo2"}}}, "encoder 'x': model: unknown model 'demo2'"),
        (
            {"encoders": {"x": {"title": "X", "model": "smollm2-135m"}}},
            "is of kind causal_lm, which is no audio",
        ),
        ({"encoders": {"x": {"title": "X", "random": {"kind": "wavln"}}}}, "did you mean 'wavlm'"),
        ({"suites": {"x": {"decoder": "whisper-base"}}}, "'whisper-base' is no model of kind causal_lm"),
        ({"scoring": {"grid": [{"encoders": ["y"], "suites": ["task1"]}]}}, "unknown encoder 'y'"),
        ({"scoring": {"grid": [{"encoders": ["log-mel"], "suites": ["task3"]}]}}, "unknown suite 'task3'"),
    ],
)
def test_a_mistake_ends_in_one_line_before_any_job(load, more, message):
    with pytest.raises(UserError, match=message):
        settings = load(**more)
        for section in ("encoders", "suites"):
            for name in more.get(section, {}):
                settings.check_sound(section, name)


def test_a_trained_encoder_is_a_model_and_its_results_carry_what_it_is_made_of(load):
    settings = load()
    entry = settings.model("whisper-base-esc10")
    assert entry.kind == "composed" and entry.compose.decoder == "smollm2-135m"
    # It is asked in the words that it was trained on, but where a task shows options.
    words = {task: pruning.cell(settings, "whisper-base-esc10", task, "dart", "0.5").task.prompt.template
             for task in ("esc10", "esc10_options")}  # fmt: skip
    assert words["esc10"] == "Classify the environmental sound." and "{options}" in words["esc10_options"]
    config = excerpt(settings, "results/whisper-base-esc10/esc10_dart_0.5.json")
    assert config["encoders"].keys() == {"whisper-base"} and config["suites"].keys() == {"esc10"}
    assert {"whisper-base", "smollm2-135m"} <= config["models"].keys()
    own = excerpt(settings, "results/encoders/whisper-base/esc10/esc10.json")
    assert own["scoring"]["grid"] == [{"encoders": ["whisper-base"], "suites": ["esc10"]}]
    both = excerpt(settings, "results/encoders/log-mel/sounds-digits/digits.json")
    assert own["tasks"].keys() == {"esc10"} and both["tasks"].keys() == {"digits", "esc10"}
    with pytest.raises(UserError, match="has no checkpoint of its own"):
        settings.model("log-mel-esc10")


def test_a_trained_encoder_of_another_kind_is_a_model_that_hears_at_its_rate(load):
    settings = load(
        models={"heard": {"kind": "wav2vec2", "path": "heard"}},
        encoders={"mine": {"title": "Mine", "model": "heard"}},
    )
    entry = settings.model("mine-esc10-fast")
    assert entry.projector.heard_by == "wav2vec2"
    assert family("composed").hears(entry.projector).samples_per_token == 5 * 320
    assert settings.model("whisper-base-esc10-fast").projector.heard_by is None
    excerpted = excerpt(settings, "results/mine-esc10-fast/esc10_dart_0.5.json")
    assert {"heard", "smollm2-135m"} <= excerpted["models"].keys()


def test_a_results_configuration_carries_what_a_users_files_say_with_absolute_paths(load, tmp_path):
    block = {"data": ["tars/train_{0..1}.tar", "/elsewhere/x.tar"], "prompt": "?", "key": "label"}
    made = {"data": "data/esc10/shards/train-00000-of-00001.tar", "prompt": "?", "key": "label"}
    hub = {"data": "a/b.tar", "repo_id": "owner/set"}
    train = {"max_steps": 3, "train_data": {"mine": block, "made": made, "hub": hub}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(train))
    evaluation = {"eval_mine": {"data": {"data": "tars/test.tar", "key": "label"}, "metric": "Accuracy"}}
    settings = load(suites={"mine": {"train": "mine.yaml", "eval": evaluation}})
    suite = settings.moved(tmp_path)["suites"]["mine"]
    expected = {
        "mine": {**block, "data": [f"{tmp_path}/tars/train_{{0..1}}.tar", "/elsewhere/x.tar"]},
        "made": made,
        "hub": hub,
    }
    assert suite["train"] == {"max_steps": 3, "train_data": expected}
    assert suite["eval"]["eval_mine"]["data"]["data"] == f"{tmp_path}/tars/test.tar"
    assert settings.each(Suite)["mine"].train == "mine.yaml"
    assert settings.links["suites", "mine"] == [("tasks", "esc10"), ("models", "smollm2-135m-base")]


def test_shards_of_a_task_that_nobody_configured_are_files_like_others(load):
    block = {"data": "data/elsewhere/shards/{train,test}-00000-of-00001.tar"}
    suite = {"train": {"train_data": {"a": block}}, "eval": {"a": {"data": block, "metric": "Accuracy"}}}
    assert load(suites={"x": suite}).links["suites", "x"] == [("models", "smollm2-135m-base")]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "compose.encoder: 'heard' is no model of kind whisper"),
        ({"heard_by": "wav2vec"}, "heard_by: 'wav2vec' is no kind of encoder; did you mean 'wav2vec2'"),
    ],
)
def test_a_composed_model_names_the_kind_of_its_encoder(load, said, message):
    heard = {"kind": "wav2vec2", "path": "heard"}
    parts = {"encoder": "heard", "decoder": "smollm2-135m", "tasks": ["esc10"]}

    def settings(projector):
        mine = {"kind": "composed", "compose": parts, "projector": projector}
        return load(models={"heard": heard, "mine": mine})

    with pytest.raises(UserError, match=message):
        settings(said).check_sound("models", "mine")
    settings({"heard_by": "wav2vec2"}).check_sound("models", "mine")
