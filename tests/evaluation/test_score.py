"""Answers are scored without a model, any time, from their file alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.jsonl import read_jsonl, write_jsonl
from earmark.core.places import SCRIPTS
from earmark.systems.pruning.answers import Answered, read
from score import main as score

OPTIONS = ["rock", "jazz"]
SECONDS = dict.fromkeys(("load", "mel", "encode", "select", "prefill", "decode"), 0.1)
ROW = Answered(
    "c0", None, "d1", "speaker=1", "jazz", OPTIONS, 2.0, False, 1, ["B"], 50, 25, 1, 900, 1, SECONDS
)
SAID = ("B", "A", "(b) jazz", "It is jazz.")
SCORING = {
    "task": {
        "title": "Music",
        "profile": "default",
        "metric": "classes",
        "normaliser": "plain",
        "parser": "letter",
    },
    "run": {"seed": 0, "max_failed_share": 0.0, "bootstrap": 20},
    "labels": [],
}


def record(asked: int, failed: int = 0) -> dict:
    task = {"name": "music", "prompt": {"template": "?", "system": None}, "max_new_tokens": 3}
    task |= {"long_audio": "error", "sample_limit": None, "balanced": False}
    method = {"name": "dart", "reducer": "dart", "kind": "tokens", "options": {}, "keep_ratio": 0.5}
    method |= {"keep_tokens": None, "layer": 1, "reference": False}
    config = {"task": task, "model": {"name": "m", "max_audio_s": 30}, "method": method, "run": {"seed": 0}}
    memory = dict.fromkeys(
        ("weights_bytes", "streamed_bytes", "process_start_bytes", "process_peak_bytes"), 1
    )
    timing = {"device": "cpu", "dtype": "float32", "attention": "sdpa", "threads": 1, "warm_up": 0}
    timing |= {"batch_rows_max": 1, "batches_halved": 0, "peak_memory_bytes": 1, "memory": memory}
    made = {"earmark": "0", "code": "c0de", "git": None, "python": "3", "platform": "x", "packages": {}}
    return {
        "schema": "earmark/answers/1",
        "system": "pruned-evaluation",
        "lowest_layer": 0,
        "counts": {"asked": asked, "failed": failed, "skipped": 0},
        "timing": timing | {"cells_in_pass": 1},
        "provenance": made | {"config": config, "model": {}, "data": {}, "cell": "ab"},
    }


@pytest.fixture
def answers(tmp_path) -> Path:
    rows = [replace(ROW, clip_id=f"c{i}", answer=[said]) for i, said in enumerate(SAID)]
    path = tmp_path / "answers" / "a.json"
    path.parent.mkdir()
    write_json(path, record(len(rows)))
    write_jsonl(path.with_suffix(".jsonl"), map(asdict, rows))
    return path


def scored(answers: Path, settings: dict = SCORING) -> dict:
    output = answers.parent.with_name("r.json")
    score(answers, json.dumps(settings), output, "c")
    return json.loads(output.read_text()) | {"rows": read_jsonl(output.with_suffix(".jsonl"))}


def test_the_same_answers_are_scored_by_any_parser(answers):
    found = scored(answers)
    assert [row["correct"] for row in found["rows"]] == [True, False, True, True]
    assert (found["headline"], found["metrics"]["accuracy"]["value"]) == ("accuracy", 0.75)
    assert found["reduction"]["keep_ratio_effective"] == 0.5 and found["asked"]["chance"] == 0.5
    task = SCORING["task"] | {"parser": "reference_letter", "profile": "mine"}
    other = scored(answers, SCORING | {"task": task})
    assert other["asked"]["parser"] == "reference_letter"
    assert other["provenance"]["cell"] == found["provenance"]["cell"], "the same answers"


def test_scoring_loads_no_model(answers, tmp_path):
    code = (
        "import sys; from score import main; from pathlib import Path; "
        f"main(Path({str(answers)!r}), {json.dumps(SCORING)!r}, Path({str(tmp_path / 'x.json')!r})); "
        "sys.exit([name for name in ('torch', 'transformers', 'pandas') if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("accuracy 0.750 [0.301, 0.954] on 4 samples (0 failed, 0 unparsed), 0.500")


def test_failed_samples_count_against_the_budget_and_not_against_accuracy(answers):
    rows = [Answered(**row) for row in read_jsonl(answers.with_suffix(".jsonl"))]
    rows[0] = replace(rows[0], reason="out of memory", answer=[], seconds=None, tokens_before=None)
    write_jsonl(answers.with_suffix(".jsonl"), map(asdict, rows))
    write_json(answers, record(4, failed=1))
    with pytest.raises(UserError, match=r"1 of 4 samples failed \(1 of them: out of memory\); evaluate\.max"):
        scored(answers)
    found = scored(answers, SCORING | {"run": SCORING["run"] | {"max_failed_share": 0.5}})
    assert found["counts"]["failed"] == 1 and found["metrics"]["accuracy"]["n"] == 3
    assert found["failures"] == [{"reason": "out of memory", "n": 1, "first": "c0"}]


@pytest.mark.parametrize(
    "damage", ["rows gone", "a row short", "no JSON", "another version", "a row of others"]
)
def test_damaged_answers_end_in_one_line_with_the_cure(answers, damage):
    rows = answers.with_suffix(".jsonl")
    if damage == "rows gone":
        rows.unlink()
    elif damage == "a row short":
        rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-1]))
    elif damage == "no JSON":
        answers.write_text("{")
    elif damage == "another version":
        write_json(answers, record(4) | {"schema": "earmark/answers/0"})
    else:
        rows.write_text('{"clip_id": "c0"}\n' * 4)
    with pytest.raises(UserError, match=r"delete .*a\.json to have the model answer again") as told:
        read(answers)
    assert "\n" not in str(told.value)
