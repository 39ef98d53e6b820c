"""Configuration: unknown keys refused with a hint, every YAML valid, rules read only their part."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from earmark.config.ratio import budget, spelled
from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.systems.pruning.request import cell as cell_settings
from earmark.systems.pruning.targets import cell_of

DEFAULT = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def load(**changes) -> Settings:
    return Settings.load({**DEFAULT, **changes}, ROOT)


def test_the_default_and_the_paper_overlay_are_valid():
    paper = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text())
    settings = load(**paper)
    assert settings.config.default_model == "qwen2.5-omni-3b"
    assert load().config.default_model == "demo"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "gpu"}, "config: device: 'gpu' is no device; use auto, cpu, cuda or a numbered one like"),
        (
            {"methods": {"dart_8": {"reducer": "dart"}}},
            "'dart_8' must be lower-case letters, digits and hyphens",
        ),
        ({"sede": 1}, "unknown key 'sede'; did you mean 'seed'"),
        ({"evaluate": {"warmup": 1}}, "unknown key 'evaluate.warmup'; did you mean 'warm_up'"),
        ({"seed": "0"}, "seed: '0' is not of type 'integer'"),
        ({"default_model": "dmeo"}, "unknown model 'dmeo'; did you mean 'demo'"),
        ({"tasks": {"gtzan": {"promt": {}}}}, "task 'gtzan': unknown key 'promt'; did you mean 'prompt'"),
        ({"tasks": {"mine": {"title": "x", "data": {"source": {"kind": "folder"}}}}}, "give either root"),
        (
            {"models": {"mine": {"kind": "omni"}}},
            "exactly one of hub, path, wheel, compose, train, random_weights",
        ),
        (
            {
                "methods": {"d": {"reducer": "drat"}},
                "grid": [{"tasks": ["gtzan"], "methods": ["d"], "ratios": [0.5]}],
            },
            "unknown reducer 'drat'; did you mean 'dart'",
        ),
        ({"grid": [{"tasks": ["gtzan"], "methods": ["dart"], "ratios": [7]}]}, "grid.0.ratios.0"),
    ],
)
def test_a_mistake_is_one_line_with_the_fix(changes, message):
    with pytest.raises(UserError) as caught:
        load(**changes)
    assert re.search(re.escape(message), str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ({"tasks": ["gtzan", "gtzn"]}, "unknown task 'gtzn'"),
        ({"methods": ["dart", "drat"]}, "unknown method 'drat'"),
        ({"methods": ["dart", "deep"]}, "there is no layer 9"),
        ({"methods": ["dart", "whole"]}, "its only ratio is 1.0, not 0.7"),
        ({"models": ["demo", "dmeo"]}, "unknown model 'dmeo'"),
        ({"models": ["demo", "whisper-base"]}, "whisper-base"),
    ],
)
def test_a_cell_whose_parts_are_sound_in_others_but_for_one_is_found(last, message):
    good = {"tasks": ["gtzan", "librispeech"], "methods": ["dart", "fastv"], "ratios": [0.7, 0.5]}
    methods = {"deep": {"reducer": "dart", "layer": 9}, "whole": {"reducer": "base"}}
    load(methods=methods, grid=[good])
    with pytest.raises(UserError, match=f"config: grid: .*{re.escape(message)}"):
        load(methods=methods, grid=[good, good | last])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/gtzn_dart_0.7.json", "did you mean 'gtzan'"),
        ("results/gtzan_fastw_0.7.json", "did you mean 'fastv'"),
        ("results/dmeo/gtzan_dart_0.7.json", "did you mean 'demo'"),
        ("results/gtzan_dart_1.5.json", "outside"),
        ("results/gtzan_dart_0.json", "outside"),
        ("results/gtzan_dart_-0.5.json", "outside"),
        ("results/gtzan_dart_nan.json", "outside"),
        ("results/gtzan_dart_0.70.json", "spelled '0.7'"),
        ("results/gtzan_dart_high.json", "not a number"),
        ("results/gtzan_base_0.5.json", "keeps everything"),
        ("results/gtzan.json", "are called"),
    ],
)
def test_a_target_that_cannot_be_made_says_why(target, message):
    with pytest.raises(UserError, match=re.escape(message)):
        check_target(target, load())


def test_good_targets_are_understood():
    settings = load()
    assert cell_of("results/gtzan_dart-l2_0.05.json", settings) == (
        "demo",
        "gtzan",
        "dart-l2",
        "0.05",
    )
    assert cell_of("results/gtzan_dart_256t.json", settings) == ("demo", "gtzan", "dart", "256t")
    assert cell_of("results/summary.csv", settings) is None
    assert cell_of("answers/demo/gtzan_dart_256t.jsonl", settings) == ("demo", "gtzan", "dart", "256t")
    with pytest.raises(UserError, match="answers are called answers/<model>/"):
        cell_of("answers/gtzan_dart_0.7.json", settings)


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("tagging", "the system 'tagging'"),
        ("pruning", "the system 'pruning'"),
        ("embeddings", "the system 'embeddings'"),
        ("timing", "the system 'pruning'"),
        ("plots", "the page's plots"),
        ("tables", "the page's tables"),
    ],
)
def test_a_model_cannot_take_the_name_of_a_folder_of_results(name, whose):
    with pytest.raises(UserError, match=f"model '{name}': results/{name}/ belongs to {whose}"):
        load(models={name: {"kind": "omni", "path": "/somewhere"}})


def test_a_timing_that_config_does_not_list_is_named():
    with pytest.raises(UserError, match="prefill has no entry for model 'moderate' at 61 s"):
        check_target("results/timing/moderate_61s.json", load())
    with pytest.raises(UserError, match="timings are called"):
        check_target("results/timing/moderate.json", load())


def test_a_user_task_beside_the_working_directory_is_found(tmp_path):
    folder = tmp_path / "config" / "tasks"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("title: Mine\ndata: {source: {kind: folder, root: there}}\n")
    assert Settings.load(DEFAULT, tmp_path).task("mine").data.source.table == "metadata.csv"


def test_an_overlay_replaces_data_as_a_whole_and_merges_the_rest():
    settings = load(tasks={"gtzan": {"data": {"source": {"kind": "folder", "root": "x"}}, "options": 3}})
    assert settings.task("gtzan").data.source.kind == "folder"
    assert settings.task("gtzan").title.startswith("Music")


def test_spelling_and_budget_agree():
    for ratio in (1, 0.9, 0.7, 0.05, 0.125, 0.9999999, 0.1234561, 0.1234564, 1e-7):
        assert budget(spelled(ratio)) == (ratio, None)
    assert budget("64t") == (None, 64)


def test_ratios_are_spelled_as_they_are_written():
    written = ("0.7", "1.0", "0.9999999", "0.1234561", "0.0000001")
    assert [spelled(float(text)) for text in written] == list(written)


def test_conda_environments_pin_what_the_lock_pins():
    lock = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().split() if "==" in line)
    lock = {name.lower(): version for name, version in lock.items()}
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        (pins,) = (d["pip"] for d in yaml.safe_load(path.read_text())["dependencies"] if isinstance(d, dict))
        for pin in pins:
            name, version = pin.split("==")
            assert lock[name.lower()] == version, f"{path.name}: {pin}"


def test_no_path_leads_outside_the_workflow():
    for path in [ROOT / "Snakefile", *Path(ROOT / "rules").glob("*.smk")]:
        assert not re.search(r"(?m)^\s+(run|script):", path.read_text()), path


TEN = ("desed", "gtzan", "had", "librispeech", "race", "slue", "tau", "vesus", "vox_gender", "vox_age")


@pytest.mark.parametrize("profile", ["default", "reference_dart", "reference_others"])
def test_every_task_of_audiomarathon_has_every_wording(profile):
    settings = load(profile=profile)
    for task in TEN:
        asked = settings.asked(task)
        assert asked.profile == profile
        assert asked.parser.startswith("reference_") == (profile != "default")
        own = settings.task(task)
        assert (asked.title, asked.metric, asked.choices) == (own.title, own.metric, own.choices)
    left_out = settings.asked("vesus").leave_out
    assert [entry["person"] for entry in left_out] == ([] if profile == "default" else ["2", "10"])


# What the two script families ask for; the first passes it by a name that has no effect.
DART_TOKENS = [5, 5, 10, 40, 10, 10, 10, 5, 10, 5]
OTHERS_TOKENS = [5, 5, 5, 40, 5, 5, 5, 10, 5, 5]


@pytest.mark.parametrize(
    ("profile", "tokens", "balanced"),
    [("reference_dart", DART_TOKENS, {"had"}), ("reference_others", OTHERS_TOKENS, {"had", "vox_gender"})],
)
def test_the_reference_profiles_ask_for_as_many_tokens_and_balance_as_the_public_code(
    profile, tokens, balanced
):
    asked = {task: load(profile=profile).asked(task) for task in TEN}
    assert [asked[task].max_new_tokens for task in TEN] == tokens
    assert {task for task, entry in asked.items() if entry.balanced} == balanced


def test_a_task_without_the_profile_keeps_its_own_wording_and_says_so():
    data = {"source": {"kind": "folder", "root": "x"}}
    settings = load(profile="reference_dart", tasks={"mine": {"title": "x", "data": data}})
    assert settings.asked("mine").profile == "default"


def test_an_unknown_profile_is_named_with_the_nearest():
    with pytest.raises(UserError, match="profile: no task has a profile 'reference_drat'; did you mean"):
        load(profile="reference_drat")


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        (
            "gtzan",
            {"metric": "wer"},
            "parser: 'letter' doesn't read what metric 'wer' scores; set it to tran",
        ),
        ("gtzan", {"parser": "leter"}, "parser: unknown parser 'leter'; did you mean 'letter'?"),
        ("gtzan", {"parser": "cues"}, "parser: unknown parser 'cues'"),
        ("librispeech", {"parser": "label"}, "parser: 'label' doesn't read what metric 'wer'"),
        (
            "had",
            {"profiles": {"p": {"parser": "transcript"}}},
            "profiles.p.parser: 'transcript' doesn't read",
        ),
        ("gtzan", {"prompt": {"template": "{question} {opt}"}}, "unknown field {opt}; known: {question}"),
        ("gtzan", {"prompt": {"template": "{options} {}"}}, "unknown field {}; known"),
        ("gtzan", {"prompt": {"template": "{options} {question.__class__}"}}, "unknown field {question.__"),
        ("gtzan", {"prompt": {"template": "{options"}}, "template: expected '}' before end of string; write"),
        ("gtzan", {"prompt": {"template": "Which genre?"}}, "{options} is missing"),
        ("librispeech", {"prompt": {"template": "{options}"}}, "a transcript has no {options}"),
        (
            "gtzan",
            {"profiles": {"p": {"prompt": {"template": "x"}}}},
            "profiles.p.prompt.template: {options}",
        ),
    ],
)
def test_a_prompt_parser_and_metric_that_do_not_fit_are_named_at_once(task, change, message):
    with pytest.raises(UserError, match=re.escape(f"task '{task}': ")) as told:
        load(tasks={task: change})
    assert message in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"reducer": "dart", "options": {"pivots": 3}}, "methods.mine.options.pivots: no such option; "),
        ({"reducer": "dart", "options": {"audio_pivot": 3}}, "did you mean 'audio_pivots'"),
        ({"reducer": "dart", "options": {"audio_pivots": "3"}}, "audio_pivots: '3' must be of type int"),
        ({"reducer": "dart", "options": {"audio_pivots": True}}, "audio_pivots: True must be of type int"),
        ({"reducer": "kv-snap", "options": {"window": 1.5}}, "window: 1.5 must be of type int"),
        ({"reducer": "frame", "options": {"x": 1}}, "x: no such option; the method has no options"),
    ],
)
def test_options_a_method_does_not_have_are_named_before_any_job(entry, message):
    with pytest.raises(UserError, match=re.escape(message)):
        load(methods={"mine": entry}, grid=[])


def test_a_layer_that_a_model_does_not_have_is_said_before_anything_is_trained():
    methods = {"deep": {"reducer": "dart", "layer": 4}, "last": {"reducer": "dart", "layer": 3}}
    settings = load(methods=methods, grid=[])
    check_target("results/gtzan_last_0.7.json", settings)
    with pytest.raises(
        UserError, match=r"methods\.deep\.layer: there is no layer 4: .* has 4 layers; use 0 to 3"
    ):
        check_target("results/gtzan_deep_0.7.json", settings)
    with pytest.raises(UserError, match=r"config: models\.demo\.reduction_layer: there is no layer 9"):
        load(models={"demo": {"reduction_layer": 9}})


def test_the_layers_of_a_local_checkpoint_are_read_from_its_config(tmp_path):
    config = {
        "audio_config": {
            "d_model": 8,
            "encoder_layers": 1,
            "encoder_attention_heads": 1,
            "encoder_ffn_dim": 8,
        }
    }
    config["text_config"] = {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 1,
        "intermediate_size": 8,
        "vocab_size": 9,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    settings = load(
        models={"mine": {"kind": "qwen2_audio", "path": str(tmp_path)}},
        methods={"deep": {"reducer": "dart", "layer": 2}},
        grid=[],
    )
    with pytest.raises(UserError, match="the decoder of 'mine' has 2 layers"):
        check_target("results/mine/gtzan_deep_0.7.json", settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed: -1 is less than the minimum of 0"),
        ({"seed": 2**32}, "seed: 4294967296 is greater than the maximum"),
        (
            {"evaluate": {"max_failed_share": float("nan")}},
            "evaluate.max_failed_share: must be a finite number",
        ),
        ({"evaluate": {"batch_audio_s": float("inf")}}, "evaluate.batch_audio_s: must be a finite number"),
        ({"models": {"demo": {"max_audio_s": float("nan")}}}, "max_audio_s: must be a finite number"),
    ],
)
def test_numbers_that_no_job_could_use_are_refused(change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        load(**change)


def test_a_profile_cannot_change_what_is_measured():
    with pytest.raises(UserError, match="unknown key 'profiles.mine.metric'"):
        load(tasks={"gtzan": {"profiles": {"mine": {"metric": "letters"}}}})


def test_the_recipe_follows_the_metric():
    settings = load()
    spoken, chosen = settings.training("demo", "librispeech"), settings.training("demo", "gtzan")
    assert (spoken["recipe"], chosen["recipe"]) == ("transcriber", "listener")
    assert spoken["sizes"] == chosen["sizes"] and "transcriber" not in chosen


def test_classes_and_letters_score_the_same_answers():
    def cell(**task):
        settings = load(tasks={"gtzan": task})
        return cell_settings(settings, "demo", "gtzan", "dart", "0.7")

    assert cell(metric="letters") == cell(metric="classes")
    assert cell(metric="letters", sample_limit=5) != cell(metric="classes", sample_limit=5)
