"""The doctor says what this machine can run, with nothing downloaded and without a network."""

from __future__ import annotations

import json
import re
import subprocess

import isolated
import jsonschema
import pytest
import warm
import yaml
from hub_server import Hub, Repo

from earmark.config.schema import schema
from earmark.core.places import ROOT


def test_the_default_targets_need_no_network(doctor):
    assert doctor() == 0, doctor.page
    jsonschema.validate(doctor.record, schema("doctor"))
    assert doctor.record["ok"] and doctor.entries() == {}
    assert not any(entry["needed"] for entry in doctor.record["unreachable"])
    assert doctor.check("hub")["status"] == doctor.check("YouTube")["status"] == "note"
    assert doctor.record["estimate"]["done"] == 0 and doctor.record["estimate"]["seconds"] > 60
    assert "ready for the default targets" in doctor.page
    assert "\x1b" not in doctor.page, "colours are for terminals"
    # A path is not broken, so that it can be copied.
    prose = (line for line in doctor.page.splitlines() if max(map(len, line.split()), default=0) < 50)
    assert all(len(line) <= 110 for line in prose)


def test_real_checkpoints_and_data_are_said_to_be_out_of_reach(doctor):
    published = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    one = {"tasks": ["gtzan"], "methods": ["dart"], "ratios": [0.7]}  # of the thousands of cells
    assert doctor(published | {"grid": [one], "prefill": []}) == 1
    entries = {entry["key"]: entry for entry in doctor.record["unreachable"]}
    assert entries["models.qwen2.5-omni-3b.hub"]["needed"]
    assert entries["tasks.gtzan.data.source.hub"]["what"] == "Hezep/AudioMarathon"
    assert all("hub can't be asked" in e["why"] and e["fix"] for key, e in entries.items() if ".hub" in key)
    assert "not ready for the default targets" in doctor.page
    assert doctor.page.splitlines()[-1].startswith("error: something is missing")
    # A result that the unreachable entries have no part in is still within reach.
    config = {"models": {"far": {"kind": "omni", "hub": "nobody/nothing"}}}
    assert doctor(config, "--target", "results/gtzan_dart_0.7.json") == 0
    assert doctor.record["asked"] == "results/gtzan_dart_0.7.json"
    assert [entry["needed"] for entry in doctor.entries().values()] == [False]


def test_students_and_their_teachers_are_needed_and_counted_where_they_are_asked_for(doctor):
    teacher = {"title": "x", "kind": "mobilenet", "options": {"path": "mn.pt"}}
    recipe = {"title": "x", "student": "ast-tiny", "teachers": ["big"], "lambda": 0.1}
    grid = {"tasks": ["demo_sounds"], "recipes": ["far"], "r": ["8"]}
    config = {"teachers": {"big": teacher}, "recipes": {"far": recipe}, "tagging": {"grid": [grid]}}
    assert doctor(config) == 0, doctor.page
    assert not doctor.entries()["teachers.big.options.path"]["needed"], "no default target trains a student"
    assert doctor.record["estimate"]["unknown"] == []
    assert doctor(config, "--target", "tagging") == 1
    assert doctor.entries()["teachers.big.options.path"]["needed"]
    assert doctor.record["asked"] == "tagging"
    (unknown,) = doctor.record["estimate"]["unknown"]
    assert unknown == "the time of jobs whose like never ran here: 1 of teacher, 1 of logits"


@pytest.mark.parametrize(
    "target",
    ["results/tagging/demo_sounds_kd_r8.json", "data/gtzan/audit.json", "results/report.html", "all"],
)
def test_the_jobs_are_those_that_snakemake_would_run(doctor, target):
    assert doctor(None, "--target", target) == 0, doctor.page
    command = [warm.python(), "-m", "snakemake", "-s", str(ROOT / "Snakefile"), target, "-n"]
    done = subprocess.run(command, cwd=doctor.folder, capture_output=True, text=True)
    counted = re.search(r"^total jobs: (\d+)$", done.stdout + done.stderr, flags=re.MULTILINE)
    assert counted is not None, done.stdout + done.stderr
    # A target rule makes nothing itself.
    assert doctor.record["estimate"]["jobs"] == int(counted[1]) - (target == "all")
    assert doctor.record["estimate"]["unknown"] == [] and doctor.record["estimate"]["seconds"] > 5


def test_local_files_that_are_not_there_are_named_with_the_fix(doctor):
    (doctor.folder / "here").mkdir()
    source = {"kind": "folder", "root": "here", "test_share": 0.5}
    cut = {"segment": {"test": {"kind": "cuts", "table": "cuts.csv"}}}
    teacher = {
        "title": "x",
        "kind": "mobilenet",
        "options": {"path": "mn.pt", "source": "https://example.org"},
    }
    config = {
        "default_model": "mine",
        "tasks": {
            "there": {"title": "x", "data": {"source": source}},
            "gone": {"title": "x", "data": {"source": source | {"root": "gone"}}},
            "uncut": {"title": "x", "data": {"source": source, **cut}},
        },
        "models": {"mine": {"kind": "omni", "path": "weights"}},
        "teachers": {"big": teacher},
        "students": {"far": {"title": "x", "init": {"from": "audioset", "path": "ast"}}},
        "grid": [{"tasks": ["gone"], "methods": ["dart"], "ratios": [0.5]}],
        "prefill": [],
    }
    assert doctor(config) == 1, doctor.page
    entries = doctor.entries()
    assert {key: entry["needed"] for key, entry in entries.items()} == {
        "tasks.gone.data.source.root": True,
        "tasks.uncut.data.segment.test.table": False,
        "models.mine.path": True,
        "teachers.big.options.path": False,
        "students.far.init.path": False,
    }
    assert "https://example.org" in entries["teachers.big.options.path"]["fix"]


def test_the_hub_is_asked_for_what_is_not_here_and_the_token_is_never_shown(doctor):
    server = Hub()
    server.repos = {"own/data": Repo(), "own/secret": Repo(private=True)}
    for repo in server.repos.values():
        repo.commit({"a.txt": b"x"})
    doctor.environment |= {
        "HF_ENDPOINT": server.url,
        "HF_TOKEN": "hf_veryveryprivate",
        "no_proxy": "127.0.0.1",
    }
    kind = {"kind": "folder", "test_share": 0.5}
    tasks = {
        name: {"title": "x", "data": {"source": kind | {"hub": {"repo": f"own/{name}"}}}}
        for name in ("data", "secret")
    }
    tasks["old"] = {"title": "x", "data": {"source": kind | {"hub": {"repo": "own/data", "revision": "v9"}}}}
    try:
        assert doctor({"tasks": tasks, "models": {"m": {"kind": "omni", "hub": "own/m"}}}) == 0, doctor.page
    finally:
        server.close()
    assert {key: entry["why"] for key, entry in doctor.entries().items()} == {
        "tasks.secret.data.source.hub": "no such repository at the hub, or HF_TOKEN lacks access",
        "tasks.old.data.source.hub": "the hub knows no revision 'v9'",
        "models.m.hub": "no such repository at the hub, or HF_TOKEN lacks access",
    }
    assert doctor.check("hub")["status"] == doctor.check("hub token")["status"] == "ok"
    assert "veryprivate" not in doctor.page + json.dumps(doctor.record)


def test_a_passworded_proxy_is_used_and_never_shown(doctor):
    proxy = "http://me:verysecret@127.0.0.1:9"
    doctor.environment["EARMARK_NETWORK"] = json.dumps({"proxy": proxy})
    assert doctor() == 0
    assert doctor.check("YouTube")["found"].startswith("the proxy does not answer")
    assert "verysecret" not in doctor.page + json.dumps(doctor.record)


def test_missing_packages_are_listed_by_a_doctor_that_needs_almost_none(doctor, tmp_path):
    packages = ["typer", "PyYAML", "jsonschema", "pydantic", "tqdm"]
    doctor.start = [str(isolated.build(tmp_path / "env", packages))]
    assert doctor() == 1
    missing = doctor.check("missing")
    assert missing["needed"] and "gguf" in missing["found"] and missing["fix"] == "make env"
    assert doctor.check("the rest")["found"] == "not looked at until the packages are there"


def test_settings_that_need_another_package_say_so(doctor):
    models = {"m": {"kind": "omni", "random_weights": {"seed": 0}, "load": {"mode": "4bit"}}}
    grid = [{"models": ["m"], "tasks": ["gtzan"], "methods": ["dart"], "ratios": [0.5]}]
    # No GPU is asked for by name in the default config; here one is.
    assert doctor({"models": models, "grid": grid, "device": "cuda", "prefill": []}) in (0, 1)
    package = doctor.check("bitsandbytes")
    assert package["needed"] == (package["status"] == "missing")
    gpu = doctor.check("GPU")
    assert gpu["status"] == "ok" or (gpu["needed"] and gpu["fix"])


def test_times_measured_here_replace_guesses(doctor):
    config = {"grid": [{"tasks": ["gtzan"], "methods": ["dart"], "ratios": [0.5]}], "prefill": []}
    assert doctor(config) == 0
    guessed = doctor.record["estimate"]
    assert set(guessed["basis"]) == {"guessed"}
    for name, seconds in (("train/demo/gtzan", 5000), ("answer/demo/gtzan_base_1.0", 40)):
        path = doctor.folder / f"benchmarks/{name}.tsv"
        path.parent.mkdir(parents=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}.5\t0:00:01\t-\n")
    done = doctor.folder / "data/gtzan/recordings.parquet"
    done.parent.mkdir(parents=True)
    done.touch()
    assert doctor(config) == 0
    known = doctor.record["estimate"]
    assert known["basis"]["measured here before"] == 2 and known["done"] == 1
    assert known["jobs"] == guessed["jobs"] - 1
    assert known["seconds"] > 5000


@pytest.mark.parametrize("small_disk", ["2m"], indirect=True)  # a plan of the default targets takes 0.7 MB
def test_a_full_disk_is_noticed_before_anything_runs(doctor, small_disk):
    doctor.folder = small_disk
    assert doctor() == 1
    disk = doctor.check("disk")
    assert disk["status"] == "missing" and disk["needed"] and "--directory" in disk["fix"]


def test_a_mistake_in_the_configuration_is_one_line(doctor):
    assert doctor({"default_modell": "x"}) == 1
    assert doctor.page.startswith("error: config: unknown key 'default_modell'")
    assert doctor.page.count("\n") == 1
