"""A result carries the smallest configuration that makes it: every job reads the same of it, and of no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from earmark.config import composed
from earmark.config.excerpt import excerpt
from earmark.config.settings import Settings
from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.reproduction.job import prepare
from earmark.reproduction.result import Result, without
from earmark.systems.embeddings.config import Stored
from earmark.systems.embeddings.probe import request as probing
from earmark.systems.pruning import request as pruning
from earmark.systems.registry import result_at, systems
from earmark.systems.tagging import recipe, sweep
from earmark.systems.tagging import request as tagging
from earmark.systems.tagging.teachers import request as teachers

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PAPER = DEFAULT | yaml.safe_load((ROOT / "config/paper.yaml").read_text())
REAL = DEFAULT | yaml.safe_load((ROOT / "config/real.yaml").read_text())
COMMIT = "c" * 40


def again(settings: Settings, target: str, folder: Path) -> Settings:
    """The settings that the config file of a result gives in an empty folder, by way of a file."""
    text = yaml.safe_dump(excerpt(settings, target))
    return Settings.load(yaml.safe_load(text), folder)


@pytest.mark.parametrize(
    ("config", "cell"),
    [
        (DEFAULT, ("demo", "gtzan", "dart", "0.7")),
        (DEFAULT, ("demo", "gtzan", "base", "1.0")),
        (DEFAULT, ("demo", "gtzan", "dart-l2", "256t")),
        (DEFAULT, ("demo", "gtzan", "kv-knorm", "0.25")),
        (DEFAULT, ("demo", "librispeech", "random", "0.1")),
        (DEFAULT | {"seed": 3, "evaluate": {"bootstrap": 100}}, ("demo", "gtzan", "frame", "0.5")),
        (PAPER, ("qwen2.5-omni-3b", "race", "dart-reference", "0.7")),
        (PAPER | {"profile": "reference_dart"}, ("qwen2.5-omni-7b", "tau", "kv-snap-reference", "0.3")),
    ],
)
def test_the_same_cell_comes_out_of_its_config_file(config, cell, tmp_path):
    settings = Settings.load(config, ROOT)
    target = pruning.path(settings, *cell)
    found = again(settings, target, tmp_path)
    assert pruning.cell(found, *cell) == pruning.cell(settings, *cell)
    assert pruning.scoring(found, *cell[:2]) == pruning.scoring(settings, *cell[:2])
    for read in (Settings.encoding, Settings.training):
        if read is not Settings.training or settings.model(cell[0]).train:
            assert read(found, *cell[:2]) == read(settings, *cell[:2])
    assert found.task(cell[1]).data == settings.task(cell[1]).data
    assert (set(found.tasks), set(found.models)) == ({cell[1]}, {cell[0]})
    assert not pruning.results(found), "nothing else is asked for"


MINE = {
    "device": "cpu",
    "tagging": {"bootstrap": 100, "batch": 3, "schedules": {"early": [9], "late": [0, 9]}},
    "recipes": {"plain": {"train_r": "late"}},
    "students": {"ast-base": {"init": {"from": "imagenet", "hub": "x/deit", "revision": "main"}}},
}


@pytest.mark.parametrize(
    ("config", "cell"),
    [
        (DEFAULT, ("demo_sounds", "kd", "16")),
        (DEFAULT | MINE | {"seed": 5}, ("demo_sounds", "plain", "early")),
        (DEFAULT | MINE, ("demo_sounds", "plain-base", "16d")),
        (PAPER, ("esc50", "kd-base", "8")),
    ],
)
def test_the_same_result_of_students_comes_out_of_its_config_file(config, cell, tmp_path):
    settings = Settings.load(config, ROOT)
    found = again(settings, tagging.path(*cell), tmp_path)
    assert read_by_its_jobs(found, *cell) == read_by_its_jobs(settings, *cell)
    assert (set(found.tasks), set(found.models)) == ({cell[0]}, set())


def read_by_its_jobs(settings: Settings, task: str, name: str, r: str) -> dict:
    """All that the jobs behind a result of students read of the configuration."""
    entry, trained = tagging.recipe(settings, name), tagging.trained_r(settings, name, r)
    runs = tagging.runs(settings, task, name)
    made = {
        "result": sweep.result(settings, task, name, r).plain(),
        "data": settings.task(task).data.plain(),
        "tagging": tagging.tagging(settings, task).plain(),
        "trainings": [recipe.job(settings, task, name, trained, run).plain() for run in runs],
        "predictions": [sweep.prediction(settings, task, name, r, run).plain() for run in runs],
        "speed": tagging.speed(settings, task, entry.student, r).plain(),
        "teachers": {
            each: teachers.named(settings, each).plain() | teachers.making(settings, each, task).plain()
            for each in entry.teachers
        },
    }
    return json.loads(json.dumps(made, sort_keys=True))


BLOCK = {
    "tasks": ["gtzan", "librispeech"],
    "layers": ["encoder", "lm.2"],
    "pooling": "last",
    "dtype": "float32",
}


def test_the_same_probe_comes_out_of_its_config_file(tmp_path):
    settings = Settings.load(DEFAULT | {"embeddings": [BLOCK], "seed": 4}, ROOT)
    found = again(settings, "results/embeddings/demo/gtzan.json", tmp_path)
    for read in (probing.job, probing.files, Settings.training):
        assert read(found, "demo", "gtzan") == read(settings, "demo", "gtzan")
    block = probing.block_of(settings, "demo", "gtzan")
    assert probing.block_of(found, "demo", "gtzan").parts(Stored) == block.parts(Stored)
    assert found.task("gtzan").data == settings.task("gtzan").data
    assert probing.targets(found) == ["results/embeddings/demo/gtzan.json"]


def test_the_same_timings_come_out_of_their_config_files(tmp_path):
    settings = Settings.load(DEFAULT, ROOT)
    found = again(settings, "results/timing/moderate_60s.json", tmp_path)
    assert pruning.prefill(found, "moderate", 60) == pruning.prefill(settings, "moderate", 60)
    found = again(settings, "results/tagging/speed/demo_sounds_ast-tiny-s16_r16d.json", tmp_path)
    asked = ("demo_sounds", "ast-tiny-s16", "16d")
    assert tagging.speed(found, *asked) == tagging.speed(settings, *asked)


@pytest.mark.parametrize(
    ("target", "model"),
    [
        ("results/esc10_dart_0.5.json", "real-sounds"),
        ("results/real-digits-2/digits_frame_0.5.json", "real-digits-2"),
    ],
)
def test_a_composed_model_brings_its_parts_and_what_it_learned_from(target, model, tmp_path):
    settings = Settings.load(REAL, ROOT)
    found = again(settings, target, tmp_path)
    was, now = (composed.training(each, model) for each in (settings, found))
    assert now == was
    assert set(found.models) == {model, "whisper-base", "smollm2-135m"}
    for part in found.models:
        assert found.model(part) == settings.model(part)


@pytest.mark.parametrize("system", systems(), ids=lambda system: system.name)
def test_every_result_that_is_asked_for_has_a_config_file(system, tmp_path):
    settings = Settings.load(DEFAULT | {"embeddings": [BLOCK]}, ROOT)
    for target in system.results(settings)[::7]:
        found = again(settings, target, tmp_path)
        system.check_target(target, found)
        assert excerpt(found, target) == excerpt(settings, target), "the excerpt of an excerpt is itself"


def test_files_of_the_working_directory_are_not_read_beside_it(tmp_path):
    settings = Settings.load(DEFAULT, ROOT)
    (tmp_path / "config/tasks").mkdir(parents=True)
    (tmp_path / "config/tasks/gtzan.yaml").write_text(
        "question: another?\nprofiles: {mine: {question: mine?}}\n"
    )
    found = again(settings, "results/gtzan_dart_0.7.json", tmp_path)
    assert found.task("gtzan") == settings.task("gtzan")


def placed(config: dict, target: str, folder: Path) -> dict:
    """The things of a result's config file, as a reproduction elsewhere reads them."""
    return Settings.load(excerpt(Settings.load(config, ROOT), target), ROOT).moved(folder)


def test_relative_folders_are_found_from_where_the_result_was_asked_for(tmp_path):
    source = {"kind": "folder", "root": "sounds", "test_share": 0.5}
    tasks = {"sounds": {"title": "x", "question": "?", "data": {"source": source}}}
    config = DEFAULT | {"tasks": tasks, "models": {"mine": {"kind": "omni", "path": "weights"}}}
    found = placed(config, "results/mine/sounds_dart_0.5.json", tmp_path)
    assert found["tasks"]["sounds"]["data"]["source"]["root"] == str(tmp_path / "sounds")
    assert found["models"]["mine"]["path"] == str(tmp_path / "weights")


def test_files_of_teachers_and_starts_of_students_are_found_from_there_too(tmp_path):
    found = placed(PAPER, "results/tagging/esc50_kd-base_r8.json", tmp_path)
    given = Settings.load(PAPER, ROOT)
    paths = [options["path"] for each in found["teachers"].values() if "path" in (options := each["options"])]
    assert paths and all(path.startswith(f"{tmp_path}/") for path in paths)
    for name, teacher in found["teachers"].items():
        asked = given.named["teachers"][name].classes
        assert teacher["classes"] == (asked if asked in ("audioset", "task") else str(tmp_path / asked))


def test_lists_of_what_was_fetched_are_found_from_there_too(tmp_path):
    source = {"kind": "youtube", "lists": {"test": "lists/eval.csv"}, "classes": "https://x.example/c.csv"}
    tasks = {"videos": {"title": "x", "question": "?", "data": {"source": source}}}
    found = placed(DEFAULT | {"tasks": tasks}, "results/videos_dart_0.5.json", tmp_path)
    asked = found["tasks"]["videos"]["data"]["source"]
    assert asked["lists"] == {"test": str(tmp_path / "lists/eval.csv")}
    assert asked["classes"] == "https://x.example/c.csv"


def test_revisions_of_the_hub_become_the_commits_that_were_read(tmp_path):
    asked = {
        "target": "results/x.json",
        "config": {
            "models": {"m": {"hub": "a/b", "revision": "main"}, "other": {"hub": "c/d", "revision": "v1"}},
            "tasks": {"t": {"data": {"source": {"hub": {"repo": "e/f", "revision": "main", "allow": None}}}}},
        },
    }
    path = tmp_path / "again.json"
    path.write_text(json.dumps(asked))
    made = {
        "model": {"origin": {"hub": "a/b", "revision": "main", "commit": COMMIT}},
        "data": {"origins": [f"hub:e/f@{COMMIT}"]},
    }
    found = provenance.repeatable(made, str(path))["again"]["config"]
    assert found["models"] == {
        "m": {"hub": "a/b", "revision": COMMIT},
        "other": {"hub": "c/d", "revision": "v1"},
    }
    assert found["tasks"]["t"]["data"]["source"]["hub"]["revision"] == COMMIT
    assert provenance.repeatable(made, "") == made, "by hand there is no configuration to carry"


def test_a_result_lies_in_a_storage_as_it_does_in_a_folder():
    assert (
        result_at(".snakemake/storage/s3/b/results/mine/gtzan_dart_0.7.json")
        == "results/mine/gtzan_dart_0.7.json"
    )
    with pytest.raises(UserError, match="is no path of a result"):
        result_at("data/gtzan/clips.parquet")


def test_what_varies_is_left_out_of_every_entry_of_a_list():
    record = {"points": [{"a": 1, "s": 2}, {"a": 3}], "speed": 5, "x": {"y": 1}}
    assert without(record, ["points", "s"]) == record | {"points": [{"a": 1}, {"a": 3}]}
    assert without(without(record, ["speed"]), ["x", "z"]) == {"points": record["points"], "x": {"y": 1}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        ("{", "is no result"),
        ('{"some": "thing"}', "is no result"),
        (
            '{"schema": "earmark/unheard-of/1"}',
            "what can be made again: earmark/result, earmark/timing",
        ),
        ('{"schema": "earmark/result/3"}', "'system' is a required property"),
        ('{"schema": "earmark/doctor/1"}', "is not made again: it says what one machine can run"),
    ],
)
def test_what_is_no_result_is_said_in_one_line(content, said, tmp_path):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=said):
        Result.read(path)


def test_a_folder_is_no_result_and_the_line_shows_what_to_type(tmp_path):
    with pytest.raises(UserError, match="is a folder; name one result: make reproduce RESULT=results/"):
        Result.read(tmp_path)


def evaluation(again: object) -> Result:
    (_, kind) = next((s, k) for s in systems() for k in s.types if k.name == "evaluation")
    return Result({"provenance": {"again": again} if again else {}}, {}, kind)


def test_a_result_of_an_older_version_or_made_by_hand_is_refused():
    with pytest.raises(UserError, match="older earmark or was made by hand"):
        evaluation(None).again(Path("x.json"))


@pytest.mark.parametrize(
    "target",
    ["../../outside.json", "results/../x.json", "/etc/passwd", "--cores=9", "results/timing/m_2s.json"],
)
def test_a_target_that_is_no_such_result_is_never_run(target):
    with pytest.raises(UserError, match="is damaged"):
        evaluation({"target": target, "config": {}}).again(Path("x.json"))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="is not empty"):
        prepare(tmp_path / "mine", {})
    done = tmp_path / "done"
    prepare(done, {})
    (done / "reproduction.json").write_text(json.dumps({}))
    (done / "leftover").write_text("x")
    prepare(done, {})
    assert not (done / "leftover").exists()
