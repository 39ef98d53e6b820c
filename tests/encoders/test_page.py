"""Encoders against each other on the page: paired tests by an independent oracle, wrong answers with their sound."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from earmark.config.common import Report
from earmark.core.files import write_json
from earmark.systems.encoders import measures
from earmark.systems.encoders.blocks import MetricArgs
from earmark.systems.encoders.measures import Item
from earmark.systems.encoders.report import wrong
from earmark.systems.encoders.report.differences import Scored, differences

ARGS = MetricArgs()


def scored(folder, encoder, metric, items, dataset="tones"):
    """Write what scoring leaves on disk of some items, as far as differences read it."""
    found = measures.scores(metric, items, ARGS, hard=False, resamples=300, seed=0)
    record = {
        "asked": {"model": encoder, "task": dataset, "suite": "tones"}, "headline": found.headline,
        "metrics": found.metrics, "resamples": found.resamples,
    }  # fmt: skip
    path = folder / f"{encoder}-{dataset}.json"
    write_json(path, record)
    rows = []
    for number, item in enumerate(items):
        counted = found.counts[number] if found.counts else {}
        mistakes = sum(count for kind, count in counted.items() if kind != "length")
        rows.append(
            {
                "id": item.id,
                "reference": 0,
                "answer": item.answer,
                "references": item.references,
                "point": found.points[number],
                "mistakes": mistakes,
                "length": counted.get("length"),
            }  # fmt: skip
        )
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Scored(str(path), json.loads(path.read_text()))


def items(answers, rights, likelihoods=None):
    return [
        Item(f"s/{n:03d}", answer, [right], None if likelihoods is None else likelihoods[n])
        for n, (answer, right) in enumerate(zip(answers, rights, strict=True))
    ]


def test_right_answers_are_compared_by_mcnemars_exact_test_and_corrected_over_data_sets(tmp_path):
    rights = ["do", "re", "mi"] * 20
    good = [right if n % 10 else "fa" for n, right in enumerate(rights)]
    bad = [right if n % 3 else "fa" for n, right in enumerate(rights)]
    results = [
        scored(tmp_path, name, "Accuracy", items(said, rights)) for name, said in (("b", bad), ("a", good))
    ]
    results += [scored(tmp_path, name, "Accuracy", items(bad, rights), "words") for name in ("a", "b")]
    first, second = differences(results)
    assert (first.ours.encoder, first.theirs.encoder, first.ours.dataset) == ("a", "b", "tones")
    gained = sum(g == r != b for g, b, r in zip(good, bad, rights, strict=True))
    lost = sum(b == r != g for g, b, r in zip(good, bad, rights, strict=True))
    oracle = binomtest(gained, gained + lost).pvalue
    assert first.row["p_value"] == pytest.approx(oracle) and first.row["p_adjusted"] == pytest.approx(
        2 * oracle
    )
    assert second.row["value"] == 0 and second.row["p_adjusted"] == 1


def test_fewer_errors_are_a_higher_score(tmp_path):
    rights = ["one two three four"] * 30
    said = {"few": ["one two three"] * 30, "many": ["one"] * 30}
    [pair] = differences([scored(tmp_path, name, "iWER", items(each, rights)) for name, each in said.items()])
    assert (pair.ours.encoder, pair.row["value"]) == ("few", pytest.approx(0.5)) and pair.row[
        "p_value"
    ] < 0.01


def test_average_precision_is_compared_over_the_same_resamples(tmp_path):
    drawn = np.random.default_rng(0)
    rights = [("do", "re", "mi")[n % 3] for n in range(60)]
    ranked = {
        name: [
            {label: float(sure * (label == right) + drawn.standard_normal()) for label in ("do", "re", "mi")}
            for right in rights
        ]
        for name, sure in (("sure", 3.0), ("guessing", 0.0))
    }
    results = [scored(tmp_path, name, "mAP", items(rights, rights, each)) for name, each in ranked.items()]
    [pair] = differences(results)
    values = [result.record["metrics"]["likelihood_ap"]["value"] for result in results]
    assert pair.ours.encoder == "sure" and pair.row["value"] == pytest.approx(values[0] - values[1])
    assert pair.row["low"] > 0.2 and pair.row["p_value"] < 0.02


def test_results_on_other_clips_are_not_compared(tmp_path):
    rights = ["do"] * 10
    shifted = [Item(f"t/{item.id}", item.answer, item.references) for item in items(rights, rights)]
    ours = scored(tmp_path, "a", "Accuracy", items(rights, rights))
    assert differences([ours, scored(tmp_path, "b", "Accuracy", shifted)]) == []


def test_wrong_answers_come_with_the_start_of_their_sound(trained, tmp_path):
    answers = trained.answer(trained.checkpoint, "iWER", "captions")
    result = answers.with_name(f"{answers.stem}-none-result.json")
    trained.score(answers, "iWER")
    settings = Report(wrong_answers=5, audio_mb=2, audio_s=0.25)
    shards = {str(result): {"test_0": str(trained.folder / "test_0.tar")}}
    rows = wrong.collect([result], shards, settings)
    assert len(rows) == 5 and all(row["audio"].startswith(b"OggS") for row in rows)
    wrong.write(rows, tmp_path / "wrong_answers.parquet")
    path = tmp_path / "wrong_answers.parquet"
    assert wrong.load(path) == rows
    silent = wrong.collect([result], {str(result): {"test_0": str(tmp_path / "gone.tar")}}, settings)
    assert [row["audio"] for row in silent] == [None] * 5
