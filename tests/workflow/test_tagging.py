"""Students from sounds to results and their page, as file targets; no other target trains one."""

from __future__ import annotations

import copy
import json

import jsonschema
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from workflow import KEPT, SMALL, Workflow

from earmark.config.schema import schema
from earmark.core import usage
from earmark.reproduction.compare import differences
from earmark.reproduction.result import Result
from earmark.systems.tagging import predictions

TRAINING = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "mixup": 0, "warmup_steps": 0}
CONFIG = SMALL | {
    "tagging": {
        "grid": [
            {"tasks": ["sounds"], "recipes": ["plain"], "r": ["8", "64"]},
            {"tasks": ["sounds"], "recipes": ["kd"], "r": ["8"]},
        ],
        "bootstrap": 100,
        "speed": {"batches": [1, 2], "repeats": 3},
    },
    "tasks": SMALL["tasks"]
    | {
        "sounds": {
            "title": "Synthetic sounds",
            "data": {
                "source": {"kind": "synthetic_tags", "clips": {"train": 24, "test": 10}},
                "sample_rate": 32000,
            },
            "tagging": {"kind": "multi_label", "frames": 64, "training": TRAINING},
        }
    },
    "students": {
        name: {"sizes": {"hidden": 16, "heads": 2, "mlp": 16}} for name in ("ast-tiny", "ast-tiny-s16")
    },
    "teachers": {"mn-tiny": {"options": {"train": {"steps": 3, "batch": 4}}}},
    "recipes": {
        "plain": {"seeds": [0]},
        "plain-s16": {"seeds": [0]},
        "kd": {"seeds": [0], "baseline": None},
    },
}


@pytest.fixture(scope="module")
def flow(tmp_path_factory) -> Workflow:
    """A finished sweep."""
    made = Workflow(tmp_path_factory.mktemp("tagging"))
    made.configure(CONFIG)
    made.run("-j2", "students/sounds/kd/r0/all-0/student.json")
    made.run("-j2", "tagging")
    return made


def record(flow: Workflow, recipe: str, r: str) -> dict:
    return json.loads((flow.folder / f"results/tagging/sounds_{recipe}_r{r}.json").read_text())


def test_every_result_fits_its_schema_and_says_what_it_rests_on(flow):
    for recipe, r in (("plain", "0"), ("plain", "64"), ("plain-s16", "0"), ("kd", "8")):
        found = record(flow, recipe, r)
        jsonschema.validate(found, schema("tagging_result"))
        assert found["labels"] == ["demo", "synthetic"]
        assert found["counts"]["scored"] == 10 and len(found["per_run"]) == 1
        assert found["speed"]["batches"][1]["merged"]["clips_per_s"] > 0
        student = found["provenance"]["runs"]["all-0"]["student"]
        assert (student["teachers"] is not None) == (recipe == "kd")
    assert record(flow, "plain", "64")["tokens"]["clamped_layers"]
    assert record(flow, "plain", "8")["tokens"]["clamped_layers"] == []


def test_a_results_numbers_follow_from_its_predictions(flow):
    (first,) = record(flow, "plain", "8")["per_run"]
    found = predictions.read(flow.folder / "predictions/sounds/plain/r8/all-0.json")
    classes = [
        c["name"] for c in json.loads((flow.folder / "data/sounds/classes.json").read_text())["classes"]
    ]
    truth = pd.DataFrame([{name: name in row.labels for name in classes} for row in found.rows])
    heard = [i for i, name in enumerate(classes) if truth[name].any()]
    expected = average_precision_score(truth.to_numpy()[:, heard], found.logits[:, heard], average="macro")
    assert first["mAP"] == pytest.approx(expected) and first["classes_with_positives"] == len(heard)


def test_the_page_and_the_table_pair_results_with_what_they_have_to_beat(flow):
    table = pd.read_csv(flow.folder / "results/tagging/summary.csv")
    made = table[table["metric"].str.startswith("difference")].groupby("metric")["recipe"].apply(set)
    assert made["difference_to_baseline"] == {"plain"}
    assert made["difference_to_unmerged"] == {"plain", "kd"}
    assert made["difference_to_labels_alone"] == {"kd"}
    assert "AST: quality against measured speed" in (flow.folder / "results/tagging/report.html").read_text()


def test_a_finished_sweep_has_nothing_to_do_and_other_targets_train_no_student(flow):
    assert flow.would_make("tagging") == set()
    assert not any(path.startswith(("students/", "predictions/")) for path in flow.would_make("all"))


def test_no_job_took_more_than_its_rule_asks_for(flow):
    listing = flow.run("-n", "-F", "-p", "tagging").stdout
    jobs = list(usage.of_run(listing.splitlines(), flow.folder))
    rules = {"classes", "fbank", "fbank_statistics", "teacher", "logits", "train_student", "predict"}
    rules |= {"tagging_speed", "tagging_result", "summarize", "report"}
    assert rules <= {job.rule for job in jobs}
    assert not [job for job in jobs if job.exceeded], usage.table(jobs)


def test_another_r_trains_no_student_again(flow):
    made = flow.would_make("results/tagging/sounds_kd_r16d.json")
    assert "results/tagging/sounds_kd_r16d.json" in made
    assert not any(path.startswith(("students/", "logits/", "teachers/", "fbank/")) for path in made)


def test_resamples_make_results_stale_and_no_prediction(flow):
    changed = copy.deepcopy(CONFIG)
    changed["tagging"]["bootstrap"] = 120
    flow.configure(changed)
    try:
        made = flow.would_make("tagging")
    finally:
        flow.configure(CONFIG)
    assert {"results/tagging/sounds_kd_r8.json", "results/tagging/report.html"} <= made
    assert not any(path.startswith(("students/", "predictions/", "results/tagging/speed/")) for path in made)


def test_an_impossible_target_is_one_line_before_any_job(flow):
    done = flow.run("-j1", "results/tagging/sounds_kdd_r8.json", check=False)
    assert done.returncode != 0
    (line,) = [line for line in done.stdout.splitlines() if "error" in line.lower()]
    assert line == "error: unknown recipe 'kdd'; did you mean 'kd'?"
    assert "Building DAG" not in done.stdout


def test_a_result_is_made_again_from_its_record_teacher_and_student_included(flow):
    result = "results/tagging/sounds_kd_r8.json"
    assert set(record(flow, "kd", "8")["provenance"]) >= KEPT
    flow.configure({})
    try:
        done = flow.reproduce(result)
    finally:
        flow.configure(CONFIG)
    assert done.returncode == 0 and f"{result}: same" in done.stdout, done.stdout
    (found,) = (flow.folder / "build/reproduce").glob("sounds_kd_r8-*/reproduction.json")
    again = json.loads(found.read_text())
    assert again["code_same"] and all(again["inputs_same"].values())
    sides = {place.split(".")[2] for place in again["inputs_same"]}
    kinds = {place.rpartition(".")[2] for place in again["inputs_same"]}
    assert sides == {"student", "predictions"}
    assert kinds >= {"clips_sha256", "states_sha256", "logits_sha256", "weights"}


def test_a_speed_record_holds_what_it_takes_to_measure_again(flow):
    path = "results/tagging/speed/sounds_ast-tiny_r8.json"
    speed = Result.read(flow.folder / path)
    assert set(speed.record["provenance"]) >= KEPT
    assert speed.again(flow.folder / path)[0] == path
    other = Result.read(flow.folder / "results/tagging/speed/sounds_ast-tiny_r64.json")
    assert speed.judged() == speed.judged() | {"samples": {}}
    found = differences(speed.judged(), other.judged())
    assert {each.place.partition(".")[0] for each in found} == {
        "r",
        "tokens",
        "mac_speedup",
    }
