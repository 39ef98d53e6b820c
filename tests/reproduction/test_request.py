"""A record holds what is needed to ask for its result again, word for word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from earmark.errors import UserError
from earmark.provenance import ROOT
from earmark.reproduction import pruned
from earmark.reproduction.job import Result, prepare
from earmark.reproduction.request import Request
from earmark.settings import Settings

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PAPER = DEFAULT | yaml.safe_load((ROOT / "config/paper.yaml").read_text())
COMMIT = "c" * 40


def record_of(settings: Settings, cell: tuple[str, str, str, str], origin: dict | None = None) -> dict:
    """What of a result's record is read to ask for it again."""
    made = settings.cell(*cell)
    upstream = made.pop("upstream")
    hub = upstream["data"]["source"].get("hub")
    origins = [f"hub:{hub['repo']}@{COMMIT}"] if hub else []
    return {
        "provenance": {
            "config": made,
            "upstream": upstream,
            "model": {"origin": origin or {}},
            "data": {"origins": origins},
            "cell": "0" * 16,
        }
    }


def again(record: dict, folder: Path) -> tuple[Settings, Request]:
    """The settings of a workflow in a folder of its own, written from the record alone."""
    request = pruned.request(record, folder / "elsewhere")
    config = yaml.safe_load(request.write(folder).read_text())
    return Settings.load(config, folder), request


@pytest.mark.parametrize(
    ("config", "cell"),
    [
        (DEFAULT, ("embedded", "gtzan", "dart", "0.7")),
        (DEFAULT, ("embedded", "gtzan", "base", "1.0")),
        (DEFAULT, ("embedded", "gtzan", "dart-l2", "256t")),
        (DEFAULT, ("embedded", "gtzan", "kv-knorm", "0.25")),
        (DEFAULT, ("embedded", "librispeech", "random", "0.1")),
        (DEFAULT | {"seed": 3, "evaluate": {"bootstrap": 100}}, ("embedded", "gtzan", "frame", "0.5")),
        (PAPER, ("qwen2.5-omni-3b", "race", "dart-reference", "0.7")),
        (PAPER | {"profile": "reference_dart"}, ("qwen2.5-omni-7b", "tau", "kv-snap-reference", "0.3")),
    ],
)
def test_the_same_cell_comes_out_of_its_record(config, cell, tmp_path):
    settings = Settings.load(config, ROOT)
    origin = {"hub": "x/y", "revision": "main", "commit": COMMIT}
    found, request = again(record_of(settings, cell, origin), tmp_path)
    assert request.target == f"results/{cell[1]}_{cell[2]}_{cell[3]}.json"
    was, now = settings.cell(*cell), found.cell(*cell)
    # What `main` was then is a commit now.
    for part in (now["upstream"]["weights"], now["upstream"]["data"]["source"].get("hub", {})):
        if "revision" in part:
            assert part["revision"] == COMMIT
            part["revision"] = "main"
    assert now == was


def test_relative_folders_are_found_from_where_the_result_was_asked_for(tmp_path):
    source = {"kind": "folder", "root": "sounds", "test_share": 0.5}
    tasks = {"sounds": {"title": "x", "question": "?", "data": {"source": source}}}
    config = DEFAULT | {"tasks": tasks, "models": {"mine": {"kind": "omni", "path": "weights"}}}
    record = record_of(Settings.load(config, ROOT), ("mine", "sounds", "dart", "0.5"))
    found, _ = again(record, tmp_path)
    assert found.task("sounds")["data"]["source"]["root"] == str(tmp_path / "elsewhere/sounds")
    assert found.model("mine")["path"] == str(tmp_path / "elsewhere/weights")


def test_a_result_of_an_older_version_is_refused():
    record = record_of(Settings.load(DEFAULT, ROOT), ("embedded", "gtzan", "dart", "0.7"))
    del record["provenance"]["upstream"]
    with pytest.raises(UserError, match="older earmark"):
        pruned.request(record, Path())


def test_names_that_are_none_never_become_files(tmp_path):
    record = record_of(Settings.load(DEFAULT, ROOT), ("embedded", "gtzan", "dart", "0.7"))
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
        ('{"system": "separation"}', "what can be made again: pruned-evaluation"),
        ('{"system": "pruned-evaluation"}', "'schema' is a required property"),
    ],
)
def test_what_is_no_result_is_said_in_one_line(content, said, tmp_path):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=said):
        Result.read(path)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="is not empty"):
        prepare(tmp_path / "mine", Request({}, {}, {}, "results/x.json"))
    done = tmp_path / "done"
    prepare(done, Request({}, {}, {}, "results/x.json"))
    (done / "reproduction.json").write_text(json.dumps({}))
    (done / "leftover").write_text("x")
    prepare(done, Request({}, {}, {}, "results/x.json"))
    assert not (done / "leftover").exists()
