"""Encoder scoring from tars to tables, by real Snakemake: nothing made twice, mistakes in one line."""

from __future__ import annotations

import json

import jsonschema
import pytest
import xares_tars as tars
import yaml
from workflow import Workflow

from earmark.config.schema import schema

TRAIN = """
max_steps: 150
learning_rate: 0.01
warmup_steps: 10
train_data:
  Tones:
    data: "tars/train_?.tar.gz"
    prompt: Which tone?
    key: label
    prob: 3
  Words:
    data: tars/train_0.tar.gz
    prompt: Transcribe.
    key: trans
    prob: 1
"""
METRICS = {"Accuracy": ("label", "accuracy"), "FENSE": ("captions", "fense")}


def evaluation():
    return {
        f"eval_{metric.lower()}": {
            "data": {"data": "tars/test_{0..0}.tar", "prompt": "Which tone?", "key": key},
            "metric": metric,
        }
        for metric, (key, _) in METRICS.items()
    }


@pytest.fixture(scope="module")
def scored(tmp_path_factory, ending_lm):
    """A workflow in which a tiny encoder was scored."""
    flow = Workflow(tmp_path_factory.mktemp("encoders"))
    folder = flow.folder
    (folder / "spectrum.py").write_text(tars.SPECTRUM)
    (folder / "deaf.py").write_text(tars.DEAF)
    (folder / "train.yaml").write_text(TRAIN)
    (folder / "eval.yaml").write_text(yaml.safe_dump(evaluation()))
    for number in range(2):
        tars.write(folder / f"tars/train_{number}.tar.gz", tars.tones(12, 100 * number))
    broken = [("odd.json", b"{}"), ("silent.wav", b"RIFF"), ("silent.json", b'{"label": "do"}')]
    tars.write(folder / "tars/test_0.tar", tars.tones(12, 1000, several=2), broken)
    flow.configure(
        {
            "default_model": "demo",
            "models": {"tiny-lm": {"kind": "causal_lm", "path": str(ending_lm.folder)}},
            "encoders": {
                "spectrum": {"title": "Spectrum", "code": "spectrum.py", "labels": ["demo"]},
                "deaf": {"title": "Deaf", "code": "deaf.py", "labels": ["demo"]},
            },
            "suites": {
                "tones": {
                    "train": "train.yaml", "eval": "eval.yaml", "decoder": "tiny-lm", "max_failed_share": 0.2,
                    "lora": {"dropout": 0.0}, "normalise": True, "labels": ["demo"],
                },
            },
            "scoring": {"grid": [{"encoders": ["spectrum", "deaf"], "suites": ["tones"]}], "bootstrap": 200},
        }
    )  # fmt: skip
    flow.run("-j1", "encoders", "check/encoders/spectrum")
    return flow


def record(flow, encoder, dataset):
    return json.loads((flow.folder / f"results/encoders/{encoder}/tones/{dataset}.json").read_text())


def test_every_metric_is_there_with_its_interval_or_the_reason_why_not(scored):
    for metric, (_, headline) in METRICS.items():
        made = record(scored, "spectrum", metric.lower())
        jsonschema.validate(made, schema("encoder_score"))
        assert made["headline"] == headline and made["counts"]["scored"] == 12
        if metric == "FENSE":
            assert made["metrics"]["fense"]["value"] is None
            assert "the package mecat is not installed" in made["not_computed"]["fense"]
        else:
            found = made["metrics"][headline]
            assert found["low"] <= found["value"] <= found["high"]


def test_unusable_clips_are_counted_with_their_reasons(scored):
    made = record(scored, "spectrum", "accuracy")
    assert made["counts"] == {
        "total": 14, "scored": 12, "failed": 2, "truncated": made["counts"]["truncated"],
        "references": 12, "dropped_texts": 0,
    }  # fmt: skip
    assert {each["reason"].partition(" ")[0] for each in made["failures"]} == {"no", "unreadable"}


def test_the_table_is_that_of_upstream_and_its_mean_is_weighted(scored):
    lines = (scored.folder / "results/encoders/spectrum/tones/scores.tsv").read_text().splitlines()
    assert (
        lines[0] == "Task\tscore\tweight" and lines[-1].startswith("Overall\t") and lines[-1].endswith("\t2")
    )
    assert [line.split("\t")[0] for line in lines[1:-1]] == sorted(
        f"eval_{metric.lower()}" for metric in METRICS
    )
    table = json.loads((scored.folder / "results/encoders/spectrum/tones/scores.json").read_text())
    assert (
        table["metrics"]["mean_score"]["value"]
        == record(scored, "spectrum", "accuracy")["metrics"]["accuracy"]["value"]
    )
    assert table["counts"] == {"total": 2, "scored": 1, "failed": 1}


def test_answers_hold_clips_and_all_their_references_and_are_scored_without_a_model(scored):
    rows = (scored.folder / "answers/encoders/spectrum/tones/fense.jsonl").read_text().splitlines()
    first = json.loads(rows[0])
    assert first["id"].endswith("/clip_000") and len(first["references"]) == 2 and len(rows) == 12
    edited = scored.folder / "scripts/earmark/systems/encoders/measures.py"
    text = edited.read_text()
    edited.write_text(text.replace("float(hit)", "float(bool(hit))"))
    made = scored.would_make("results/encoders/spectrum/tones/accuracy.json")
    edited.write_text(text)
    assert made == {"results/encoders/spectrum/tones/accuracy.json"}


def test_nothing_is_made_twice(scored):
    assert scored.would_make("encoders", "check/encoders/spectrum") == set()
    features = sorted(
        path.parent.name for path in scored.folder.glob("features/encoders/spectrum/*/*.parquet")
    )
    assert features == ["crop30-42-float32"] * 2 + ["whole-float32"]


def test_the_check_is_a_page_and_a_record(scored):
    assert (
        (scored.folder / "check/encoders/spectrum")
        .read_text()
        .startswith("Encoder 'spectrum' can be scored.")
    )
    assert json.loads((scored.folder / "check/encoders/spectrum.json").read_text())["encoder"] == "spectrum"


def test_the_page_shows_encoders_side_by_side(scored):
    page = (scored.folder / "results/encoders/report.html").read_text()
    assert "Encoders trained on tones" in page and "Encoders side by side" in page
    assert "Encoders against each other" in page and "Wrong answers of encoders" in page


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "results/encoders/spectrm/tones/accuracy.json",
            "unknown encoder 'spectrm'; did you mean 'spectrum'?",
        ),
        ("results/encoders/spectrum/tnes/scores.tsv", "unknown suite 'tnes'; did you mean 'tones'?"),
        (
            "results/encoders/spectrum/tones/acuracy.json",
            "unknown data set 'acuracy'; did you mean 'accuracy'?",
        ),
        ("check/encoders/spectra", "unknown encoder 'spectra'; did you mean 'spectrum'?"),
    ],
)
def test_an_unknown_name_ends_in_one_line(scored, target, message):
    done = scored.run("-n", target, check=False)
    assert done.returncode != 0 and done.stdout.rstrip().endswith(f"error: {message}")
