"""Files of every family of scripts of other programs, written as their specification says, sound and odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browsing import visible

from earmark.config.common import Import
from earmark.report import imports, page
from earmark.report.columns import LEFT_OUT
from earmark.report.summary import summarize

TIMED = {"prefill_time": 0.5, "decode_time": 0.1, "total_time": 0.6, "input_tokens": 2300}
COUNTED = {"total_samples": 10, "correct_samples": 5}
VALID = {"valid_samples": 8, "total_samples": 10}
F1 = {"f1_macro": 0.4, "f1_weighted": 0.5, **VALID}


def block(kind: str, path: Path, **given: Any) -> Import:
    return Import(kind=kind, path=str(path), **given)


def read(path: Path, content: Any, kind: str = "audiomarathon") -> dict[str, dict[str, Any]]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return {row["metric"]: row for row in imports.rows(block(kind, path))}


def sample(**more: Any) -> dict[str, Any]:
    return {"id": "a", "audio_tokens": 2252, "is_correct": True, **TIMED, **more}


def dart(ratio: float, sparse: bool | str = True, **summary: Any) -> dict[str, Any]:
    config = {
        "model_path": "/m/Qwen2.5-Omni-3B",
        "sparse": sparse,
        "pruned_layer": 2,
        "reduction_ratio": ratio,
    }
    return {"summary": {**COUNTED, "config": config, **summary}, "samples": [sample()]}


def other(method: str, ratio: float, **summary: Any) -> dict[str, Any]:
    config = {
        "model_path": "/m/Qwen2.5-Omni-3B",
        "prune_method": method,
        "prune_ratio": ratio,
        "prune_layer_idx": 2,
    }
    return {"summary": {**COUNTED, "config": config, **summary}, "samples": [sample()]}


def cache(press: str, ratio: float, enabled: bool = True, **summary: Any) -> dict[str, Any]:
    given = {"enabled": enabled, "press_type": press, "compression_ratio": ratio, "min_seq_len": 128}
    return {"summary": {**COUNTED, "kv_press": given, **summary}, "detailed_results": [sample()]}


SHAPES = [
    # DART's scripts: the name's number is the default, and unused, where nothing was dropped.
    ("desed_sound_event_detection_results_qwen25_dart_dart_0.5.json", dart(0.5), ("desed", "dart", 0.5)),
    ("desed_sound_event_detection_results_qwen25_dart_base.json", dart(0.778, False), ("desed", "base", 1.0)),
    ("gtzan_results_dart_sparse_ratio_0.900.json", dart(0.9), ("gtzan", "dart", 0.1)),
    ("HAD_results_dart_base_ratio_1.000.json", dart(1.0, "false"), ("had", "base", 1.0)),
    ("librispeech_results_dart_sparse_ratio_0.300.json", dart(0.3, mean_wer=0.05), ("librispeech", "dart", 0.7)),
    ("race_results_dart_sparse_ratio_0.100.json", dart(0.1), ("race", "dart", 0.9)),
    ("SLUE_results_dart_sparse_ratio_0.300.json", dart(0.3), ("slue", "dart", 0.7)),
    ("TAU_results_dart_base_ratio_1.000.json", dart(1.0, False), ("tau", "base", 1.0)),
    ("vesus_results_dart_base_ratio_0.778.json", dart(0.778, "False"), ("vesus", "base", 1.0)),
    ("Vox_results_dart_sparse_ratio_0.600.json", dart(0.6), ("vox_gender", "dart", 0.4)),
    ("VoxCeleb_age_qwen_dart_0.600.json", dart(0.6), ("vox_age", "dart", 0.4)),
    # FastV, random and frame: some names are fixed, so only the settings tell.
    ("gtzan_results_qwen25.json", other("frame", 0.4), ("gtzan", "frame", 0.6)),
    ("librispeech_results_qwen25.json", other("random", 0.2, mean_wer=5.0), ("librispeech", "random", 0.8)),
    ("HAD_results_gpu0_base_prune:0.0.json", other("base", 0.0), ("had", "base", 1.0)),
    ("race_results_qwen25_gpu0_random_prune:0.3.json", other("random", 0.3), ("race", "random", 0.7)),
    ("SLUE_results_gpu1_frame_prune:0.5.json", other("frame", 0.5), ("slue", "frame", 0.5)),
    ("TAU_results_gpu0_fast_v_prune:0.6.json", other("fast_v", 0.6), ("tau", "fastv", 0.4)),
    ("VESUS_results_gpu0_random_prune:0.9.json", other("random", 0.9), ("vesus", "random", 0.1)),
    ("Vox_results_qwen25_gpu0_frame_prune:0.1.json", other("frame", 0.1), ("vox_gender", "frame", 0.9)),
    ("Vox_age_results_gpu0_frame_prune:0.1.json", other("frame", 0.1), ("vox_age", "frame", 0.9)),
    # Cache presses.
    ("DESED_results_kvpress_knorm_0.5.json", cache("knorm", 0.5), ("desed", "kv-knorm", 0.5)),
    ("race_results_kvpress_tova_0.4_gpu0.json", cache("tova", 0.4), ("race", "kv-tova", 0.6)),
    ("TAU_results_kvpress_random_0.2.json", cache("random", 0.2), ("tau", "kv-random", 0.8)),
    ("SLUE_results_kvpress_snap_0.8.json", cache("snap", 0.8, enabled=False), ("slue", "base", 1.0)),
    ("librispeech_results_kvpress_snap_0.1.json", cache("snap", 0.1, mean_wer=5.0), ("librispeech", "kv-snap", 0.9)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "wanted"), SHAPES, ids=[name for name, _, _ in SHAPES])
def test_each_script_of_audiomarathon_is_read(
    name: str, content: dict[str, Any], wanted: tuple[str, str, float], tmp_path: Path
) -> None:
    found = read(tmp_path / name, content)
    task, method, kept = wanted
    assert {(row["task"], row["method"]) for row in found.values()} == {(task, method)}
    row = found["wer_mean" if task == "librispeech" else "accuracy"]
    assert row["keep_ratio"] == pytest.approx(kept)
    assert row["value"] == pytest.approx(0.05 if task == "librispeech" else 0.5)
    assert (row["labels"], row["n"]) == ("imported", 10)
    # Times of DART's and the cache's scripts are those of whole generations.
    assert ("one_token_s" in found) == ("prune_method" in json.dumps(content))


def test_a_press_is_found_wherever_a_script_wrote_it(tmp_path: Path) -> None:
    path, whole = tmp_path / "results.json", cache("snap", 0.4)
    press = whole["summary"].pop("kv_press")
    for content in (
        {**whole, "kv_press": press},
        {**whole, "summary": {**whole["summary"], "config": {"kv_press": press}}},
    ):
        path.write_text(json.dumps(content))
        rows = list(imports.rows(block("audiomarathon", path, task="gtzan")))
        assert (rows[0]["method"], rows[0]["keep_ratio"]) == ("kv-snap", pytest.approx(0.6))
        assert "ran uncompressed without saying so" in rows[0]["note"]


def test_lines_of_samples_without_a_summary_are_counted(tmp_path: Path) -> None:
    lines = "".join(json.dumps(sample(is_correct=i < 3)) + "\n" for i in range(4))
    found = read(tmp_path / "DESED_results_gpu0_fast_v_prune:0.5.jsonl", lines)
    row = found["accuracy"]
    assert (row["task"], row["method"], row["value"], row["n"]) == ("desed", "fastv", 0.75, 4)
    assert row["keep_ratio_effective"] == 1.0 and "nothing was dropped" in row["note"]
    assert found["one_token_s"]["value"] == 0.5


def test_times_that_lie_apart_are_found(tmp_path: Path) -> None:
    content = other("random", 0.3)
    content["samples"] = [{"gt": "A", "pred": "B", "subset": "high", "timing": TIMED}]
    found = read(tmp_path / "race_results_qwen25_gpu0_random_prune:0.3.json", content)
    assert found["one_token_s"]["value"] == 0.5


def test_shares_and_per_cent_are_told_apart_by_task(tmp_path: Path) -> None:
    for task, value in (("gtzan", 75.0), ("race", 75.0), ("TAU", 0.75), ("HAD", 0.75)):
        summary = {"processed_samples": 8, "overall_accuracy": value, "sklearn_metrics": F1, "config": {}}
        found = read(tmp_path / f"{task}_results_gpu0_frame_prune:0.5.json", {"summary": summary})
        assert (found["accuracy"]["value"], found["accuracy"]["n"]) == (0.75, 8)
        ending = "parsed" if task == "HAD" else "letters_parsed"
        assert found[f"f1_macro_{ending}"]["value"] == 0.4 and found[f"f1_weighted_{ending}"]["value"] == 0.5


def test_accuracy_over_parsed_answers_alone_has_a_name_of_its_own(tmp_path: Path) -> None:
    summary = {"metrics": {"accuracy": 0.9, **VALID}, "total_samples": 10, "config": {}}
    found = read(tmp_path / "vesus_results_gpu0_random_prune:0.5.json", {"summary": summary})
    assert found["accuracy_parsed"]["value"] == 0.9 and "accuracy" not in found
    assert found["accuracy_parsed"]["unparsed"] == 2


def test_macro_f1_of_cache_scripts_is_left_out_as_it_may_be_precision(tmp_path: Path) -> None:
    found = read(tmp_path / "gtzan_results_kvpress_snap_0.8.json", cache("snap", 0.8, sklearn_metrics=F1))
    assert set(found) == {"accuracy", "f1_weighted_letters_parsed"}


def test_a_score_that_is_no_number_is_none_and_says_so(tmp_path: Path) -> None:
    content = json.dumps(dart(0.5, sklearn_metrics={"f1_macro": float("nan"), "f1_weighted": 0.5}))
    assert "NaN" in content
    found = read(tmp_path / "gtzan_results_dart_sparse_ratio_0.500.json", content)
    assert found["f1_macro_letters_parsed"]["value"] is None
    assert found["f1_macro_letters_parsed"]["note"] == "the file says nan"
    assert found["accuracy"]["value"] == 0.5
    found = read(
        tmp_path / "scores.tsv", "Task\tscore\tweight\neval_esc-50\tnan\t1\neval_gtzan\t.5\t1\n", "xares_llm"
    )
    assert found["accuracy"]["task"] == "gtzan"
    rows = {row["task"]: row for row in imports.rows(block("xares_llm", tmp_path / "scores.tsv"))}
    assert rows["esc-50"]["value"] is None and rows["esc-50"]["note"] == "the file says nan"


ODD = {
    "timing_dart.json": (json.dumps({"global_summary": {}, "detailed_records": [TIMED]}), "a file of times alone"),
    "list.json": ("[1, 2]", "a list, not a summary with samples"),
    "foreign.json": ('{"accuracy": 1}', "it lacks 'summary'"),
    "torn.json": (json.dumps(dart(0.5))[:-40], "torn or no JSON"),
    "torn.jsonl": ('{"is_correct": true}\n{"is_cor', "torn or no JSON"),
    "empty.jsonl": ("", "it holds no samples"),
    "binary.json": ("\x00\x01", "torn or no JSON"),
    "deep.json": ("[" * 100_000, "recursion"),
    "summary.json": ('{"summary": "fine"}', "its summary holds no numbers"),
    "scoreless_0.5.json": ('{"summary": {"total_samples": 3}}', "no score in its summary"),
    "shareless.json": (json.dumps({"summary": COUNTED}), "neither its settings nor its name tell the share dropped"),
    "many_0.5.json": (json.dumps({"summary": {**COUNTED, "correct_samples": 11}}), "11 of 10 samples correct"),
    "percent_0.5.json": (json.dumps({"summary": {"overall_accuracy": 75.0}}), "which tau gives as a share"),
    "uncounted_0.5.json": ('{"summary": {"total_samples": NaN, "correct_samples": 1}}', "nan is no number of samples"),
    "huge_0.5.json": ('{"summary": {"total_samples": 1e300, "correct_samples": 1}}', "is no number of samples"),
    "dropped.json": (json.dumps(dart(float("nan"))), "a share of nan cannot be dropped"),
}  # fmt: skip


def test_what_cannot_be_read_is_named_on_the_page_beside_what_can(tmp_path: Path) -> None:
    sound = tmp_path / "TAU_results_dart_sparse_ratio_0.500.json"
    sound.write_text(json.dumps(dart(0.5)))
    for name, (content, _) in ODD.items():
        (tmp_path / f"TAU_{name}").write_text(content)
    table = summarize([], [block("audiomarathon", tmp_path / "TAU_*")])
    left = table[table["system"] == LEFT_OUT].set_index("result")["note"]
    assert len(left) == len(ODD) and set(table[table["system"] != LEFT_OUT]["result"]) == {str(sound)}
    text = visible(page.build(table))
    for name, (_, said) in ODD.items():
        assert said in left[str(tmp_path / f"TAU_{name}")]
        assert f"TAU_{name}" in text


def test_torn_score_tables_are_named_too(tmp_path: Path) -> None:
    odd = {
        "scores_torn.tsv": ("Task\tscore\tweight\nesc-50\t0.7\t1\nlibris", "torn: line 3 has no score"),
        "scores_other.tsv": ("a\tb\n1\t2\n", "not Task, score, weight"),
        "score_torn.yaml": ("score: [1, 2", "expected"),
        "score_list.yaml": ("- 1\n", "list indices"),
        "scores_zero.tsv": ("Task\tscore\n\x00\t" + "9" * 200_000, "field larger"),
    }
    for name, (content, _) in odd.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "scores.tsv").write_text("Task\tscore\tweight\nesc-50\t0.7\t1\nOverall\t0.7\t1\n")
    table = summarize([], [block("xares_llm", tmp_path / "score*")])
    left = table[table["system"] == LEFT_OUT].set_index("result")["note"]
    for name, (_, said) in odd.items():
        assert said in left[str(tmp_path / name)]
    assert len(table) == len(odd) + 2


def test_tasks_are_named_as_the_presets_name_them(tmp_path: Path) -> None:
    """What the program writes begins with ``eval_``; without, these scores would all be accuracies."""
    names = (
        "fsd50k",
        "fsdkaggle2018",
        "aishell-1",
        "librispeech",
        "clotho",
        "songdescriber",
        "mecat",
        "gtzan",
    )
    lines = "".join(f"eval_{name}\t0.5\t1\n" for name in names)
    (tmp_path / "scores.tsv").write_text(f"Task\tscore\tweight\n{lines}Overall\t0.5\t8\n")
    (tmp_path / "score_eval_esc-50.yaml").write_text("score: 0.5\n")
    rows = imports.rows(block("xares_llm", tmp_path / "score*"))
    found = {row["task"]: row["metric"] for row in rows}
    metrics = ("map_hard_labels", "map_hard_labels", "icer", "iwer", "fense", "fense", "date", "accuracy")
    assert found == dict(zip(names, metrics)) | {"all": "mean_score", "esc-50": "accuracy"}


def test_half_a_character_in_a_name_breaks_no_table(tmp_path: Path) -> None:
    content = dart(0.5)
    content["summary"]["config"]["model_path"] = "/m/evil\ud800"
    path = tmp_path / "gtzan_results_dart_sparse_ratio_0.500.json"
    assert read(path, content)["accuracy"]["model"] == "evil?"
