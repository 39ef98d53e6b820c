"""How runs stand among each other: means over tasks, win rates, and what cannot be told from the best."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earmark.report.summary import summarize

RATIOS = (0.5, 0.1)


@pytest.fixture
def table(tmp_path: Path, write_result: Callable[..., Path]) -> pd.DataFrame:
    """Three methods on two tasks, one of them far better; the third method lacks a task."""
    made = []
    for task in ("genres", "moods"):
        folder = tmp_path / "results"
        made.append(write_result(folder / f"{task}_base_1.0.json", task=task, accuracy=0.9, n=120))
        for method, accuracy in (("frame", 0.9), ("random", 0.5), ("dart", 0.45)):
            for ratio in RATIOS:
                if method != "dart" or task == "genres":
                    path = folder / f"{task}_{method}_{ratio}.json"
                    made.append(write_result(path, method, ratio, task=task, accuracy=accuracy, n=120))
    return summarize(made)


def means(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = table[(table["type"] == "mean") & (table["metric"] == metric)]
    return rows.set_index(["method", "keep_ratio"])


def test_a_mean_is_that_of_its_tasks_with_the_interval_of_independent_tasks(table: pd.DataFrame) -> None:
    found = means(table, "accuracy")
    assert set(found.index) == {("base", 1.0), *((m, r) for m in ("frame", "random") for r in RATIOS)}
    for key, row in found.iterrows():
        same = table[(table["method"] == key[0]) & (table["keep_ratio"] == key[1])]
        parts = same[(same["metric"] == "accuracy") & (same["type"] == "evaluation")]["value"]
        assert row["value"] == pytest.approx(parts.mean())
        # Two tasks of 120 samples each: the variance of their mean is a quarter of the sum of both.
        error = np.sqrt((parts * (1 - parts) / 120).sum()) / 2
        assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.1)
        assert row["n"] == 240 and row["note"] == "mean over 2 tasks: genres, moods"


def test_the_best_of_a_budget_is_told_from_what_is_worse(table: pd.DataFrame) -> None:
    apart = means(table, "difference_to_best")
    assert set(apart.index) == {("random", ratio) for ratio in RATIOS}
    assert (apart["p_adjusted"] < 0.05).all() and (apart["high"] < 0).all()
    single = table[(table["type"] == "evaluation") & (table["metric"] == "difference_to_best")]
    assert set(zip(single["task"], single["method"], strict=True)) == {
        ("genres", "random"),
        ("genres", "dart"),
        ("moods", "random"),
    }
    assert set(single["comparisons"]) == {1, 2}


def test_a_win_rate_counts_the_rivals_beaten(table: pd.DataFrame) -> None:
    found = means(table, "win_rate")
    assert found.loc[("frame", 0.5), "value"] == 1 and found.loc[("random", 0.5), "value"] == 0
    assert found.loc[("frame", 0.5), "low"] == 1, "no resample turns so much around"


def test_two_methods_that_answer_alike_cannot_be_told_apart(
    tmp_path: Path, write_result: Callable[..., Path]
) -> None:
    made = []
    for task in ("genres", "moods"):
        made.append(write_result(tmp_path / f"{task}_frame_0.5.json", "frame", 0.5, task=task, accuracy=0.7))
        twin = tmp_path / f"{task}_random_0.5.json"
        record = json.loads(made[-1].read_text())
        record["asked"] |= {"method": "random", "reducer": "random"}
        twin.write_text(json.dumps(record))
        twin.with_suffix(".jsonl").write_text(made[-1].with_suffix(".jsonl").read_text())
        made.append(twin)
    table = summarize(made)
    assert means(table, "difference_to_best")["p_adjusted"].tolist() == [1.0]
    assert means(table, "win_rate")["value"].tolist() == [0.5, 0.5]
    assert means(table, "difference_to_base").empty, "there is no base"


def test_error_rates_are_best_where_they_are_least(
    tmp_path: Path, write_transcripts: Callable[..., Path]
) -> None:
    made = [
        write_transcripts(tmp_path / f"reading_{method}_{ratio}.json", method, ratio, wer)
        for method, ratio, wer in (("base", 1.0, 0.05), ("frame", 0.5, 0.1), ("random", 0.5, 0.5))
    ]
    rows = summarize(made)
    apart = rows[rows["metric"] == "difference_to_best"]
    assert apart["method"].tolist() == ["random"] and (apart["value"] > 0.3).all()
