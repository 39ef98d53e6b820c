"""The long table: its columns, its rows, its files."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import warm

from earmark.core.errors import UserError
from earmark.core.places import ROOT, SCRIPTS
from earmark.report import files
from earmark.report.columns import dtypes
from earmark.report.remembered import Remembered
from earmark.report.summary import summarize, write
from earmark.scoring.multiple import holm
from earmark.systems.registry import systems


def table(results: list[Path], timing: Path | None = None) -> pd.DataFrame:
    return summarize([*results, *([timing] if timing else [])])


def rows(found: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.itertuples(index=False)]


def test_every_metric_of_every_result_has_a_row(results: list[Path]) -> None:
    found = table(results)
    assert list(found.columns) == list(dtypes())
    dart = found[found["result"].str.endswith("genres_dart_0.5.json")].set_index("metric")
    plain = {"accuracy", "f1_macro", "f1_weighted", "f1_macro_letters", "difference_to_base"}
    plain |= {"difference_to_best"}  # of those that keep half, random is the best
    classes = {f"{name}/{label}" for name in ("accuracy", "precision", "f1")
               for label in ("blues", "classical", "jazz", "rock")}  # fmt: skip
    assert set(dart.index) == plain | classes
    record = json.loads(next(p for p in results if p.name == "genres_dart_0.5.json").read_text())
    assert dart.loc["accuracy", "value"] == record["metrics"]["accuracy"]["value"]
    assert dart.loc["accuracy", "labels"] == "demo,synthetic"
    assert dart.loc["accuracy", "encode_s"] == 0.6
    assert dart.loc["accuracy", "commit"] == "f" * 40 + "-dirty"
    provenance = record["provenance"]
    assert dart.loc["accuracy", "code"] == provenance["code"]
    assert dart.loc["accuracy", "scoring_code"] == provenance["scoring"]["code"]
    assert dart["value"].isna()["f1_macro_letters"]


def test_difference_rests_on_the_samples_both_answered(results: list[Path]) -> None:
    found = [row for row in rows(table(results)) if row["metric"] == "difference_to_base"]
    assert {row["method"] for row in found} == {"random", "dart", "dart-l2"}
    for row in found:
        ours, base = (
            {s["clip_id"]: s["correct"] for s in map(json.loads, path.open()) if s["status"] == "scored"}
            for path in (
                Path(row["result"]).with_suffix(".jsonl"),
                results[0].with_suffix(".jsonl"),
            )
        )
        both = ours.keys() & base.keys()
        assert row["n"] == len(both) == 38  # two failed in the base
        assert row["value"] == pytest.approx(sum(ours[c] - base[c] for c in both) / len(both), abs=1e-12)
        assert row["low"] <= row["value"] <= row["high"]
        assert 0 < row["p_value"] <= 1
    corrected = holm([row["p_value"] for row in found])
    assert [row["p_adjusted"] for row in found] == corrected
    assert {row["comparisons"] for row in found} == {6}


@pytest.mark.parametrize("change", [{"model": "other"}, {"seed": 1}, {"labels": ()}, {"device": "cuda"}])
def test_no_difference_without_a_base_of_the_same_kind(
    tmp_path: Path, write_result: Callable[..., Path], change: dict[str, object]
) -> None:
    base = write_result(tmp_path / "base.json")
    other = write_result(tmp_path / "dart.json", "dart", 0.5, **change)
    assert "difference_to_base" not in set(table([base, other])["metric"])


def test_questions_with_other_options_are_not_matched(
    tmp_path: Path, write_result: Callable[..., Path]
) -> None:
    base = write_result(tmp_path / "base.json")
    other = write_result(tmp_path / "dart.json", "dart", 0.5, classes=("blues", "classical", "jazz", "folk"))
    assert "difference_to_base" not in set(table([base, other])["metric"])


def test_timing_points_have_rows_of_their_own(results: list[Path], timing: Path) -> None:
    found = table(results, timing).query("type == 'prefill'")
    point = json.loads(timing.read_text())["points"][0]
    row = found.query("method == @point['method'] and keep_ratio == @point['keep_ratio']").set_index("metric")
    assert row.loc["prefill_speedup", "value"] == point["speedup"]
    assert row.loc["prefill_speedup", "high"] == point["speedup_high"]
    assert row.loc["flop_speedup", "value"] == point["flop_speedup"]
    assert row.loc["prefill_speedup", ["clock", "alone"]].tolist() == ["wall", 1], "as older records are"
    timing.write_text(json.dumps(json.loads(timing.read_text()) | {"clock": "processor", "alone": False}))
    found = table(results, timing).query("metric == 'prefill_speedup'")
    assert set(found["clock"]) == {"processor"} and set(found["alone"]) == {0}


def test_a_token_count_instead_of_a_ratio(tmp_path: Path, write_result: Callable[..., Path]) -> None:
    row = table([write_result(tmp_path / "a.json", "dart", None)]).iloc[0]
    assert pd.isna(row["keep_ratio"])
    assert row["keep_tokens"] == 75
    assert row["keep_ratio_effective"] == pytest.approx(0.1)


def test_order_of_inputs_and_repetition_change_no_byte(
    results: list[Path], timing: Path, tmp_path: Path
) -> None:
    made = []
    for i, paths in enumerate((results, [*reversed(results), results[0]])):
        out = (tmp_path / f"{i}.csv", tmp_path / f"{i}.parquet")
        write(table(paths, timing), *out)
        made.append([path.read_bytes() for path in out])
    assert made[0] == made[1]


def test_formulas_are_text_in_csv_and_untouched_in_parquet(
    tmp_path: Path, write_result: Callable[..., Path]
) -> None:
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1"]
    paths = [write_result(tmp_path / f"{i}.json", task=name) for i, name in enumerate(evil)]
    found = table(paths)
    write(found, tmp_path / "s.csv", tmp_path / "s.parquet")
    with (tmp_path / "s.csv").open(newline="") as stream:
        assert {row["task"] for row in csv.DictReader(stream) if row["type"] != "mean"} == {
            "'" + name for name in evil
        }
    assert set(pd.read_parquet(tmp_path / "s.parquet")["task"].dropna()) == set(evil)
    numbers = pd.read_csv(tmp_path / "s.csv")
    assert pd.api.types.is_float_dtype(numbers["value"])


def test_what_is_no_result_of_this_version_is_named_and_left_out(results: list[Path], tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.json"
    for text, problem in [
        ("{}", "names no schema"),
        ("[1]", "names no schema"),
        ('{"schema": "other/1"}', "names no schema"),
        ('{"schema": "earmark/result/1"}', "another version"),
        ('{"schema": "earmark/audit/1"}', "another version|no scores"),
    ]:
        foreign.write_text(text)
        (row,) = rows(table([*results, foreign]).query("system == 'left-out'"))
        assert row["result"] == str(foreign) and re.search(problem, row["note"])


def test_damaged_results_are_named_with_their_problem(results: list[Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    with pytest.raises(UserError, match="not JSON") as caught:
        table([damaged])
    assert str(damaged) in str(caught.value)
    record = json.loads(results[0].read_text())
    record["counts"]["scored"] = "many"
    damaged.write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"counts\.scored: 'many' is not of type 'integer'"):
        table([damaged])


def test_samples_of_another_result_are_refused(results: list[Path]) -> None:
    results[1].with_suffix(".jsonl").write_text("")
    with pytest.raises(UserError, match="0 scored"):
        table(results)
    results[1].with_suffix(".jsonl").unlink()
    with pytest.raises(UserError, match="is missing"):
        table(results)
    results[1].with_suffix(".jsonl").write_text('{"clip_id": "a"}\n')
    with pytest.raises(UserError, match="line 1 is not a sample"):
        table(results)


def test_the_script_finds_all_results_and_ends_a_users_mistake_in_one_line(
    results: list[Path], timing: Path, write_probe: Callable[..., Path], tmp_path: Path
) -> None:
    write_probe(tmp_path / "results" / "embeddings" / "m" / "genres.json")
    command = [warm.python(), str(SCRIPTS / "summarize.py"), "--results", str(tmp_path / "results")]
    out = ["--csv", str(tmp_path / "s.csv"), "--parquet", str(tmp_path / "s.parquet")]
    subprocess.run([*command, *out], check=True, capture_output=True)
    found = pd.read_parquet(tmp_path / "s.parquet")
    kinds = {("pruning", "evaluation"), ("pruning", "prefill"), ("embeddings", "probe")}
    assert set(zip(found["system"], found["type"])) == kinds
    assert set(found["result"]) == {str(path) for path in (tmp_path / "results").rglob("*.json")}
    results[0].write_text("{")
    (tmp_path / "s.csv").unlink()
    done = subprocess.run([*command, *out], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {results[0]} is not JSON")
    assert not (tmp_path / "s.csv").exists()


def test_only_what_changed_is_read_again_and_the_table_is_the_same(
    results: list[Path], timing: Path, write_result: Callable[..., Path], tmp_path: Path
) -> None:
    def summed() -> tuple[int, pd.DataFrame]:
        memory = Remembered(tmp_path / "memory")
        return (found := summarize([*results, timing], memory=memory)) is None or memory.read, found

    assert summed()[0] == 8 + 6 + 4, "8 files, 6 comparisons with the base and 4 with the best"
    read, again = summed()
    assert read == 0
    pd.testing.assert_frame_equal(again, table(results, timing))
    write_result(results[1], "random", 0.5, accuracy=0.1)
    read, changed = summed()
    assert read == 3, "one file and its two comparisons"
    pd.testing.assert_frame_equal(changed, table(results, timing))
    assert not changed.equals(again)
    for path in (tmp_path / "memory").glob("*.json"):
        path.write_text("damaged")
    pd.testing.assert_frame_equal(summed()[1], changed)
    kept = len(list((tmp_path / "memory").glob("*.json")))
    results.pop()
    assert summed()[0] == 0
    assert len(list((tmp_path / "memory").glob("*.json"))) == kept - 3, "what is gone is forgotten"


def test_results_on_other_samples_have_another_sample_set(
    tmp_path: Path, write_result: Callable[..., Path]
) -> None:
    paths = [
        write_result(tmp_path / "base.json"),
        write_result(tmp_path / "same.json", "dart", 0.5),
        write_result(tmp_path / "failed.json", "dart", 0.3, failed=1),
    ]
    found = table(paths).drop_duplicates("result").set_index("result")["sample_set"]
    assert found[str(paths[0])] == found[str(paths[1])] != found[str(paths[2])]


def test_error_rates_are_compared_with_the_base_and_stand_for_groups(
    tmp_path: Path, write_transcripts: Callable[..., Path]
) -> None:
    paths = [
        write_transcripts(tmp_path / "base.json"),
        write_transcripts(tmp_path / "r.json", "random", 0.5, 0.6),
    ]
    found = table(paths).query("method == 'random'").set_index("metric")
    rates = [json.loads(path.read_text())["metrics"]["wer"]["value"] for path in paths]
    assert found.loc["wer", "value"] == rates[1]
    assert found.loc["difference_to_base", "value"] == pytest.approx(rates[1] - rates[0])
    assert found.loc["difference_to_base", "p_value"] < 0.01
    assert found.loc["wer@speaker=1", "value"] == rates[1]
    assert "accuracy" not in found.index


def test_what_the_doctor_wrote_is_neither_a_result_nor_left_out(results: list[Path]) -> None:
    folder = results[0].parent
    (folder / "doctor.json").write_text('{"schema": "earmark/doctor/1"}')
    assert files.find(folder) == sorted(results)


def test_no_column_holds_what_belongs_to_two_systems(
    results: list[Path], timing: Path, write_probe: Callable[..., Path], tmp_path: Path
) -> None:
    found = summarize([*results, timing, write_probe(tmp_path / "probe.json")])
    for system in systems():
        for column in system.columns:
            owners = set(found.loc[found[column.name].notna(), "system"])
            assert owners <= {system.name}, f"{column.name} is filled by {owners}"


def test_every_column_is_documented() -> None:
    page = (ROOT / "docs" / "summary.md").read_text()
    for name, dtype in dtypes().items():
        assert re.search(rf"^\| `{name}` \| {dtype} \|", page, flags=re.MULTILINE), name


def test_torn_samples_are_named_with_the_way_out(results: list[Path]) -> None:
    beside = results[0].with_suffix(".jsonl")
    beside.write_text(beside.read_text()[:-40])
    with pytest.raises(UserError, match=f"{beside}, line 40 is not a sample .* delete it and {results[0]}"):
        summarize(results)
