"""A record holds what is needed to ask for its result again, word for word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from earmark.config import composed
from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.reproduction.job import Result, prepare
from earmark.reproduction.request import Request
from earmark.systems.embeddings.again import probe as probed
from earmark.systems.embeddings.probe import request as probing
from earmark.systems.pruning import request as pruning
from earmark.systems.pruning.again import evaluation as pruned
from earmark.systems.pruning.again import prefill as timed
from earmark.systems.tagging import recipe, sweep
from earmark.systems.tagging import request as tagging
from earmark.systems.tagging.again import quality as tagged
from earmark.systems.tagging.again import speed as student_speed
from earmark.systems.tagging.teachers import request as teachers

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PAPER = DEFAULT | yaml.safe_load((ROOT / "config/paper.yaml").read_text())
COMMIT = "c" * 40


def record_of(settings: Settings, cell: tuple[str, str, str, str], origin: dict | None = None) -> dict:
    """What of a result's record is read to ask for it again."""
    made = pruning.cell(settings, *cell)
    upstream = made.pop("upstream")
    hub = upstream["data"]["source"].get("hub")
    origins = [f"hub:{hub['repo']}@{COMMIT}"] if hub else []
    return {
        "provenance": {
            "config": made | {"scoring": pruning.scoring(settings, *cell[:2])},
            "upstream": upstream,
            "model": {"origin": origin or {}},
            "data": {"origins": origins},
            "cell": "0" * 16,
        }
    }


def again(record: dict, folder: Path, kind: ModuleType = pruned) -> tuple[Settings, Request]:
    """The settings of a workflow in a folder of its own, written from the record alone."""
    request = kind.request(record, folder / "elsewhere")
    config = yaml.safe_load(request.write(folder).read_text())
    return Settings.load(config, folder), request


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
def test_the_same_cell_comes_out_of_its_record(config, cell, tmp_path):
    settings = Settings.load(config, ROOT)
    origin = {"hub": "x/y", "revision": "main", "commit": COMMIT}
    found, request = again(record_of(settings, cell, origin), tmp_path)
    assert request.target == f"results/{cell[1]}_{cell[2]}_{cell[3]}.json"
    was, now = pruning.cell(settings, *cell), pruning.cell(found, *cell)
    assert pruning.scoring(settings, *cell[:2]) == pruning.scoring(found, *cell[:2])
    # What `main` was then is a commit now.
    for part in (now["upstream"]["weights"], now["upstream"]["data"]["source"].get("hub", {})):
        if "revision" in part:
            assert part["revision"] == COMMIT
            part["revision"] = "main"
    assert now == was


def provenance_of(used: dict, **made: object) -> dict:
    """A record as its job writes it: what was read of the configuration, parted."""
    upstream = used.pop("upstream")
    return {"provenance": {"config": used, "upstream": upstream, **made}}


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
def test_the_same_result_of_students_comes_out_of_its_record(config, cell, tmp_path):
    settings = Settings.load(config, ROOT)
    start = {"from": "imagenet", "hub": "x/deit", "commit": COMMIT}
    run = {"predictions": {"data": {}}, "student": {"start": start, "teachers": None}}
    record = provenance_of(sweep.result(settings, *cell), runs={"all-0": run})
    found, request = again(record, tmp_path, tagged)
    assert request.target == tagging.path(*cell)
    expected = json.dumps(read_by_its_jobs(settings, *cell))
    for relative in ("checkpoints/", "sources/"):
        expected = expected.replace(f'"{relative}', f'"{tmp_path}/elsewhere/{relative}')
    # What `main` was then is a commit now.
    expected = re.sub(
        r'("hub": "[^"]*",(?: "positions": "[a-z]*",)? "revision"): "main"', rf'\1: "{COMMIT}"', expected
    )
    assert read_by_its_jobs(found, *cell) == json.loads(expected)


def read_by_its_jobs(settings: Settings, task: str, name: str, r: str) -> dict:
    """All that the jobs behind a result of students read of the configuration."""
    entry, trained = tagging.recipe(settings, name), tagging.trained_r(settings, name, r)
    runs = tagging.runs(settings, task, name)
    made = {
        "result": sweep.result(settings, task, name, r) | {"upstream": None},
        "data": settings.task(task)["data"],
        "tagging": tagging.tagging(settings, task),
        "trainings": [recipe.job(settings, task, name, trained, run) for run in runs],
        "predictions": [sweep.prediction(settings, task, name, r, run) for run in runs],
        "speed": sweep.timing(settings, task, entry.student, r) | {"upstream": None},
        "teachers": {
            each: teachers.named(settings, each).plain() | teachers.making(settings, each, task)
            for each in entry.teachers
        },
    }
    return json.loads(json.dumps(made, sort_keys=True))


BLOCK = {"tasks": ["gtzan"], "layers": ["encoder", "lm.2"], "pooling": "last", "dtype": "float32"}


def test_the_same_probe_comes_out_of_its_record(tmp_path):
    settings = Settings.load(DEFAULT | {"embeddings": [BLOCK], "seed": 4}, ROOT)
    record = provenance_of(probing.job(settings, "demo", "gtzan"), model={}, data={})
    found, request = again(record, tmp_path, probed)
    assert request.target == "results/embeddings/demo/gtzan.json"
    for read in (probing.job, probing.files):
        assert read(found, "demo", "gtzan") == read(settings, "demo", "gtzan")
    block = probing.block_of(settings, "demo", "gtzan")
    assert probing.block_of(found, "demo", "gtzan") == block.model_copy(update={"model": "demo"})
    assert found.training("demo", "gtzan") == settings.training("demo", "gtzan")
    assert found.task("gtzan")["data"] == settings.task("gtzan")["data"]


def test_the_same_timings_come_out_of_their_records(tmp_path):
    settings = Settings.load(DEFAULT, ROOT)
    record = provenance_of(pruning.prefill(settings, "moderate", 60), model={"origin": {}})
    found, request = again(record, tmp_path / "a", timed)
    assert request.target == "results/timing/moderate_60s.json"
    assert pruning.prefill(found, "moderate", 60) == pruning.prefill(settings, "moderate", 60)
    asked = ("demo_sounds", "ast-tiny-s16", "16d")
    found, request = again(provenance_of(sweep.timing(settings, *asked)), tmp_path / "b", student_speed)
    assert request.target == "results/tagging/speed/demo_sounds_ast-tiny-s16_r16d.json"
    assert sweep.timing(found, *asked) == sweep.timing(settings, *asked)


def test_relative_folders_are_found_from_where_the_result_was_asked_for(tmp_path):
    source = {"kind": "folder", "root": "sounds", "test_share": 0.5}
    tasks = {"sounds": {"title": "x", "question": "?", "data": {"source": source}}}
    config = DEFAULT | {"tasks": tasks, "models": {"mine": {"kind": "omni", "path": "weights"}}}
    record = record_of(Settings.load(config, ROOT), ("mine", "sounds", "dart", "0.5"))
    found, _ = again(record, tmp_path)
    assert found.task("sounds")["data"]["source"]["root"] == str(tmp_path / "elsewhere/sounds")
    assert found.model("mine")["path"] == str(tmp_path / "elsewhere/weights")


def test_lists_of_what_was_fetched_are_found_from_there_too(tmp_path):
    source = {"kind": "youtube", "lists": {"test": "lists/eval.csv"}, "classes": "https://x.example/c.csv"}
    tasks = {"videos": {"title": "x", "question": "?", "data": {"source": source}}}
    record = record_of(Settings.load(DEFAULT | {"tasks": tasks}, ROOT), ("demo", "videos", "dart", "0.5"))
    found, _ = again(record, tmp_path)
    asked = found.task("videos")["data"]["source"]
    assert asked["lists"] == {"test": str(tmp_path / "elsewhere/lists/eval.csv")}
    assert asked["classes"] == "https://x.example/c.csv"


def test_a_result_of_an_older_version_is_refused():
    record = record_of(Settings.load(DEFAULT, ROOT), ("demo", "gtzan", "dart", "0.7"))
    del record["provenance"]["upstream"]
    with pytest.raises(UserError, match="older earmark"):
        pruned.request(record, Path())


def test_names_that_are_none_never_become_files(tmp_path):
    record = record_of(Settings.load(DEFAULT, ROOT), ("demo", "gtzan", "dart", "0.7"))
    record["provenance"]["config"]["task"]["name"] = "../../outside"
    with pytest.raises(UserError, match="is no name"):
        pruned.request(record, Path()).write(tmp_path / "a/b/c")
    assert not list(tmp_path.rglob("*outside*"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        ("{", "is no result"),
        ('{"some": "thing"}', "is no result"),
        (
            '{"schema": "earmark/separation/1"}',
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


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="is not empty"):
        prepare(tmp_path / "mine", Request({}, {}, "results/x.json"))
    done = tmp_path / "done"
    prepare(done, Request({}, {}, "results/x.json"))
    (done / "reproduction.json").write_text(json.dumps({}))
    (done / "leftover").write_text("x")
    prepare(done, Request({}, {}, "results/x.json"))
    assert not (done / "leftover").exists()


@pytest.mark.parametrize("ratio", ["../x", "0.7; touch x", float("nan"), 7, [1], 0])
def test_a_ratio_that_is_none_names_no_file(ratio, tmp_path):
    record = record_of(Settings.load(DEFAULT, ROOT), ("demo", "gtzan", "dart", "0.7"))
    record["provenance"]["config"]["method"]["keep_ratio"] = ratio
    with pytest.raises(UserError, match="keep ratio"):
        pruned.request(record, tmp_path)


def test_a_composed_model_comes_out_of_its_record_with_its_parts_and_what_it_learned_from(tmp_path):
    real = DEFAULT | yaml.safe_load((ROOT / "config/real.yaml").read_text())
    settings, cell = Settings.load(real, ROOT), ("real-sounds", "esc10", "dart", "0.5")
    record = record_of(settings, cell)
    record["provenance"]["model"]["parts"] = {part: {"origin": {}} for part in ("encoder", "decoder")}
    found, _ = again(record, tmp_path)
    was, now = (composed.training(each, "real-sounds") for each in (settings, found))
    assert now == was
    for part in ("whisper-base", "smollm2-135m"):
        assert found.model(part)["wheel"] == settings.model(part)["wheel"]
    # a folder of recordings is looked for where the result was made
    root = found.task("esc10_long")["data"]["source"]["root"]
    assert root == str(tmp_path / "elsewhere" / settings.task("esc10_long")["data"]["source"]["root"])
