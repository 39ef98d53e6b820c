"""All ten tasks of AudioMarathon in one run: every layout, prompt, parser and metric."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml
from workflow import SMALL, Workflow

from earmark.config.schema import schema
from earmark.core.places import ROOT
from earmark.report.summary import summarize

CHOICES = ("desed", "had", "race", "slue", "tau", "vesus", "vox_gender", "vox_age")
TASKS = ("gtzan", "librispeech", *CHOICES)
# Every task pruned; unpruned only one of each metric, for every process costs seconds.
CELLS = [f"results/{task}_random_0.5.json" for task in TASKS]
CELLS += [f"results/{task}_base_1.0.json" for task in ("gtzan", "race", "librispeech")]
TINY = {"clips_per_class": 1, "min_s": 1, "max_s": 1.5}
MODEL = {"hidden": 32, "layers": 3, "heads": 2, "kv_heads": 1, "ffn": 32}


def source(task: str, splits: dict) -> dict:
    made = {"kind": "synthetic_marathon", "task": task, "splits": {"test": splits}}
    return {"data": {"source": made, "segment": {"test": {"kind": "whole"}}}}


@pytest.fixture(scope="module")
def flow(tmp_path_factory) -> Workflow:
    """A run of the ten stand-ins with one shared model of random weights."""
    music = {"kind": "synthetic_music", "genres": 4, "recording_s": 1, "question": "Which genre?"}
    tasks = {task: source(task, TINY) for task in CHOICES}
    tasks["librispeech"] = source("librispeech", {"utterances": 3, "min_words": 2, "max_words": 3})
    gtzan = music | {"splits": {"test": TINY}}
    tasks["gtzan"] = {"data": {"source": gtzan, "segment": {"test": {"kind": "whole"}}}}
    made = Workflow(tmp_path_factory.mktemp("ten"))
    made.configure(
        {
            "default_model": "moderate",
            "evaluate": {"bootstrap": 100, "warm_up": 0},
            "grid": [{"tasks": list(TASKS), "methods": ["random"], "ratios": [0.5]}],
            "prefill": [],
            "tasks": tasks,
            "models": {"moderate": SMALL["models"]["moderate"]},
        }
    )
    made.run("-j2", *CELLS)
    return made


def record(flow: Workflow, task: str, cell: str = "random_0.5") -> dict:
    return json.loads((flow.folder / f"results/{task}_{cell}.json").read_text())


@pytest.mark.parametrize("task", TASKS)
def test_a_task_runs_from_its_layout_to_its_metric(flow, task):
    made = record(flow, task)
    jsonschema.validate(made, schema("result"))
    rows = (flow.folder / f"results/{task}_random_0.5.jsonl").read_text().splitlines()
    for row in rows:
        jsonschema.validate(json.loads(row), schema("sample"))
    assert made["counts"]["scored"] == made["counts"]["total"] == len(rows) > 1
    assert made["labels"] == ["demo", "synthetic"]
    metric = "wer" if task == "librispeech" else "accuracy"
    assert made["metrics"][metric]["value"] is not None
    assert made["metrics"]["parse_failures"]["n"] == len(rows)
    assert ("f1_macro" in made["metrics"]) == (task not in ("librispeech", "race", "slue"))
    assert made["reduction"]["keep_ratio_effective"] < 0.6


@pytest.mark.parametrize(
    ("task", "facet"),
    [
        ("race", "level"),
        ("tau", "scene"),
        ("vesus", "emotion"),
        ("vox_age", "speaker"),
        ("desed", "task_type"),
    ],
)
def test_groups_have_tables_of_their_own(flow, task, facet):
    groups = [row for row in record(flow, task)["per_group"] if row["facet"] == facet]
    assert sum(row["n"] for row in groups) == record(flow, task)["counts"]["scored"]


def test_the_summary_compares_choices_and_transcripts_with_their_base(flow):
    found = summarize([flow.folder / cell for cell in CELLS])
    compared = found[found["metric"] == "difference_to_base"]
    assert set(compared["task"]) == {"gtzan", "race", "librispeech"}
    assert set(found["profile"]) == {"default"}


def test_recorded_speech_goes_through_the_same_tasks(flow, real_speech):
    text = (flow.folder / "small.yaml").read_text()
    config = yaml.safe_load(text)
    for task in ("librispeech", "vox_gender"):
        own = yaml.safe_load((ROOT / "config" / "tasks" / f"{task}.yaml").read_text())
        real = {"kind": "audiomarathon", "task": task, "root": str(real_speech)}
        data = {"source": real, "segment": {"test": {"kind": "whole"}}}
        config["tasks"][f"real_{task}"] = own | {"data": data, "sample_limit": 4, "max_new_tokens": 8}
    flow.configure(config)
    try:
        flow.run("-j2", *(f"results/real_{task}_random_0.5.json" for task in ("librispeech", "vox_gender")))
    finally:
        (flow.folder / "small.yaml").write_text(text)
    spoken, voices = record(flow, "real_librispeech"), record(flow, "real_vox_gender")
    for made in (spoken, voices):
        assert made["labels"] == ["demo"], "recorded speech is not synthetic"
        assert made["counts"]["scored"] == 4
    assert spoken["metrics"]["wer"]["value"] > 0.5, "random weights can't transcribe"
    assert [row["n"] for row in voices["per_class"] if row["n"]] == [2, 2], "genders are balanced"


def test_a_profile_reruns_answers_but_no_features(flow):
    text = (flow.folder / "small.yaml").read_text()
    (flow.folder / "small.yaml").write_text(f"profile: reference_dart\n{text}")
    try:
        made = flow.would_make(*CELLS)
    finally:
        (flow.folder / "small.yaml").write_text(text)
    assert made == set(CELLS) | {path.replace("results/", "answers/moderate/") for path in CELLS}


@pytest.mark.parametrize(
    ("module", "tasks"),
    [
        ("scoring/parsers/label.py", {"had", "vesus", "vox_gender", "vox_age"}),
        ("scoring/parsers/transcript.py", {"librispeech"}),
        ("scoring/metrics/wer.py", {"librispeech"}),
        ("scoring/transcripts.py", {"librispeech"}),
        ("scoring/metrics/classes.py", set(TASKS) - {"librispeech", "race", "slue"}),
        ("scoring/parsers/reference_first.py", set()),
    ],
)
def test_a_parser_or_a_metric_reruns_its_own_tasks(flow, module, tasks):
    path = flow.folder / "scripts" / "earmark" / module
    before = path.read_text()
    path.write_text(f"{before}\nEDITED = True\n")
    try:
        made = flow.would_make(*CELLS)
    finally:
        path.write_text(before)
    assert made == {cell for cell in CELLS if re.fullmatch(rf"results/({'|'.join(tasks) or '-'})_.*", cell)}
