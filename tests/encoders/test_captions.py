"""FENSE and DATE are mecat's where it is there, with its clips' spread; otherwise said to be missing."""

from __future__ import annotations

import sys

import pytest

from earmark.systems.encoders import captions
from earmark.systems.encoders.blocks import MetricArgs
from earmark.systems.encoders.measures import Item, scores

STAND_IN = '''
"""What mecat 1.1.0 gives and writes; a clip is worth its share of words that are right."""

import csv
from pathlib import Path

import pandas


def evaluate(predicted_data, reference_data, metrics, task, subtask, output_dir, save_details):
    [metric] = metrics
    assert (task, subtask, save_details) == ("caption", "long", True)
    rows = []
    for number, ([said], right) in enumerate(zip(predicted_data, reference_data, strict=True)):
        words = set(said.split())
        worth = max(len(words & set(text.split())) / len(words) for text in right)
        date = worth / 2 if metric == "date" else ""
        rows.append({"sample_id": number, "field_type": "long", "delta": 0, "similarity": worth, "date": date})
    with (Path(output_dir) / f"{metric}_results_caption_long_default.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(reversed(rows))
    column = "date" if metric == "date" else "similarity"
    mean = round(sum(row[column] for row in rows) / len(rows), 4)
    return pandas.DataFrame([{"subtask": "content_long", "num_samples": len(rows), metric: mean}])
'''
ITEMS = [
    Item("a", "A dog barks.", ["a dog barks", "a hound"]),
    Item("b", "rain", ["rain falls"]),
    Item("c", "x y z", ["a cat purrs"]),
]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package called mecat in the way; returns what writes it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text):
        (tmp_path / "mecat.py").write_text(text)
        monkeypatch.delitem(sys.modules, "mecat", raising=False)

    yield write
    sys.modules.pop("mecat", None)


def scored(metric):
    return scores(metric, ITEMS, MetricArgs(), hard=False, resamples=100, seed=0)


@pytest.mark.parametrize(("metric", "points"), [("FENSE", [1.0, 1.0, 0.0]), ("DATE", [0.5, 0.5, 0.0])])
def test_descriptions_are_scored_by_mecat_with_an_interval_over_clips(package, metric, points):
    package(STAND_IN)
    made = scored(metric)
    found = made.metrics[metric.lower()]
    assert made.headline == metric.lower() and made.points == points and made.missing == {}
    assert found["value"] == round(sum(points) / 3, 4) and found["n"] == 3
    assert found["low"] < found["value"] < found["high"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "def evaluate(**given): raise OSError('no  route\\nto huggingface.co')",
            "OSError: no route to hugg",
        ),
        ("raise ImportError('sentence_transformers')", "ImportError: sentence_transformers"),
        (STAND_IN.replace("content_long", "other"), "ValueError: "),
    ],
)
def test_a_mecat_that_fails_is_a_reason_and_no_number(package, text, why):
    package(text)
    made = scored("DATE")
    assert made.metrics["date"]["value"] is None and made.points == []
    assert made.missing["date"].startswith(f"mecat could not compute it ({why}")


def test_without_mecat_the_metric_is_named_as_not_computed(monkeypatch):
    monkeypatch.setattr(captions, "installed", lambda: False)
    made = scored("FENSE")
    assert made.metrics["fense"] == {"value": None, "low": None, "high": None, "n": 3, "interval": "score"}
    assert made.missing == {"fense": "the package mecat is not installed (pip install mecat==1.1.0)"}
