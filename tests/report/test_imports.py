"""Results of other programs: their units become ours, and nobody takes them for ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from earmark.config.common import Import
from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.report import imports, page
from earmark.report.summary import summarize


def block(kind: str, path: Path | str, **given: Any) -> Import:
    return Import(kind=kind, path=str(path), **given)


def audiomarathon(path: Path, summary: dict[str, Any], samples: list[dict[str, Any]] | None = None) -> Path:
    path.write_text(json.dumps({"summary": summary, "samples": samples or []}))
    return path


def read(path: Path) -> dict[str, dict[str, Any]]:
    return {row["metric"]: row for row in imports.rows(block("audiomarathon", path))}


def test_a_share_dropped_becomes_a_share_kept_and_per_cent_a_share(tmp_path: Path) -> None:
    config = {"sparse": True, "pruned_layer": 2, "reduction_ratio": 0.9, "model_path": "/m/Qwen2.5-Omni-3B"}
    summary = {
        "total_samples": 120,
        "correct_samples": 90,
        "overall_accuracy": 75.0,
        "sklearn_metrics": {"f1_macro": 0.7, "f1_weighted": 0.72, "valid_samples": 118},
        "config": config,
    }
    path = tmp_path / "gtzan_results_dart_sparse_ratio_0.900.json"
    found = read(audiomarathon(path, summary, [{"audio_tokens": 2252}, {"audio_tokens": 3002}]))
    row = found["accuracy"]
    assert (row["task"], row["method"], row["layer"], row["model"]) == ("gtzan", "dart", 2, "qwen2.5-omni-3b")
    assert (row["keep_ratio"], row["value"], row["n"], row["unparsed"]) == (pytest.approx(0.1), 0.75, 120, 2)
    # The specification's table of what DART keeps: 228 of 2252, 300 of 3002 at a drop ratio of 0.9.
    assert row["keep_ratio_effective"] == pytest.approx((228 + 300) / (2252 + 3002))
    assert row["source"] == "imported: AudioMarathon" and row["labels"] == "imported"
    assert set(found) == {"accuracy", "f1_macro_letters_parsed", "f1_weighted_letters_parsed"}
    del summary["correct_samples"]
    assert read(audiomarathon(path, summary))["accuracy"]["value"] == 0.75


@pytest.mark.parametrize(
    ("name", "config", "wanted"),
    [
        ("race_results_qwen25_gpu0_random_prune:0.3.json", {"prune_ratio": 0.3, "prune_method": "random"}, ("random", 0.7)),
        ("TAU_results_gpu0_fast_v_prune:0.6.json", {"prune_ratio": 0.6, "prune_method": "fast_v"}, ("fastv", 0.4)),
        ("TAU_results_gpu0_base_prune:0.json", {"prune_ratio": 0, "prune_method": "base"}, ("base", 1.0)),
        ("SLUE_results_dart_base_ratio_0.300.json", {"sparse": False, "reduction_ratio": 0.3}, ("base", 1.0)),
        ("race_results_kvpress_snap_0.8.json", {}, ("kv-snap", 0.2)),
    ],
)  # fmt: skip
def test_each_family_of_scripts_is_told_apart(
    name: str, config: dict[str, Any], wanted: tuple[str, float], tmp_path: Path
) -> None:
    summary = {"total_samples": 10, "correct_samples": 5, "config": config}
    row = read(audiomarathon(tmp_path / name, summary))["accuracy"]
    assert (row["method"], row["keep_ratio"]) == (wanted[0], pytest.approx(wanted[1]))


def test_what_the_scripts_did_not_do_is_said(tmp_path: Path) -> None:
    config = {"sparse": True, "reduction_ratio": 0.5}
    summary = {"total_samples": 10, "correct_samples": 5, "config": config}
    row = read(audiomarathon(tmp_path / "vesus_results_dart_sparse_ratio_0.500.json", summary))["accuracy"]
    assert row["keep_ratio"] == 0.5 and row["keep_ratio_effective"] == 1.0
    assert "never switched DART on" in row["note"]


def test_error_rates_and_swapped_f1(tmp_path: Path) -> None:
    others, dart = (
        tmp_path / "librispeech_results_qwen25.json",
        tmp_path / "librispeech_results_dart_base.json",
    )
    rates = [
        ({"mean_wer": 5.31, "config": {"prune_ratio": 0}}, others),
        ({"mean_wer": 0.0531, "config": {"sparse": False}}, dart),
    ]
    for summary, path in rates:
        assert read(audiomarathon(path, summary))["wer_mean"]["value"] == pytest.approx(0.0531)
    metrics = {"f1_score": 0.2, "macro_f1": 0.3}
    summary = {"overall_accuracy": 0.25, "metrics": metrics, "config": {"prune_ratio": 0.5}}
    found = read(audiomarathon(tmp_path / "SLUE_results_gpu0_frame_prune:0.5.json", summary))
    assert found["f1_macro_letters_parsed"]["value"] == 0.2
    summary["config"] = {"sparse": True, "reduction_ratio": 0.5}
    found = read(audiomarathon(tmp_path / "SLUE_results_dart_sparse_ratio_0.500.json", summary))
    assert found["f1_macro_letters_parsed"]["value"] == 0.3


def test_score_tables_of_xares_llm(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "train_task1_config" / "dasheng"
    folder.mkdir(parents=True)
    (folder / "scores.tsv").write_text(
        "Task\tscore\tweight\nesc-50\t0.755\t1\nfsd50k\t0.063\t1\nlibrispeech\t0.103\t1\nOverall\t0.307\t3\n"
    )
    (folder / "score_gtzan.yaml").write_text("score: 0.323\n")
    found = list(imports.rows(block("xares_llm", tmp_path / "**" / "score*", device="one A100")))
    assert {(r["task"], r["metric"], r["value"]) for r in found} == {
        ("esc-50", "accuracy", 0.755),
        ("fsd50k", "map_hard_labels", 0.063),
        ("librispeech", "iwer", 0.103),
        ("all", "mean_score", 0.307),
        ("gtzan", "accuracy", 0.323),
    }
    assert {(r["model"], r["imported_as"], r["device"]) for r in found} == {
        ("dasheng", "train_task1", "one A100")
    }


def test_imported_rows_stand_beside_ours_marked_and_uncompared(results: list[Path], tmp_path: Path) -> None:
    summary = {
        "total_samples": 120,
        "correct_samples": 90,
        "config": {"sparse": True, "reduction_ratio": 0.5},
    }
    path = audiomarathon(tmp_path / "gtzan_results_dart_sparse_ratio_0.500.json", summary)
    table = summarize(results, [block("audiomarathon", path, task="genres")])
    theirs = table[table["source"] != "earmark"]
    assert set(theirs["metric"]) == {"accuracy"} and theirs["p_value"].isna().all()
    text = page.build(table)
    assert "imported: AudioMarathon" in text and "everything else is theirs" in text
    assert text.count("<h3>Accuracy when pruned") == page.build(summarize(results)).count(
        "<h3>Accuracy when pruned"
    )


def test_a_block_that_names_nothing_readable_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="config: import: there is no file"):
        list(imports.rows(block("xares_llm", tmp_path / "none.tsv")))
    odd = tmp_path / "odd.json"
    for text in ("{}", "[]", "{", '{"summary": {}}', '{"summary": {"config": {"reduction_ratio": 7}}}'):
        odd.write_text(text)
        with pytest.raises(UserError, match=r"odd\.json is not a result of AudioMarathon"):
            list(imports.rows(block("audiomarathon", odd, task="gtzan")))
    with pytest.raises(UserError, match="import"):
        Settings.load({"default_model": "demo", "import": [{"kind": "other", "path": "x"}]}, ROOT)
