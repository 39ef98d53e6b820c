"""A result says what was asked, what came out, over how much, and what it was made from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import average_precision_score
from tagged import CLASSES, inputs, predictions, settings

from earmark.core.errors import UserError
from earmark.systems.tagging import predictions as files
from earmark.systems.tagging import result


def test_a_result_of_several_seeds_fits_its_schema_and_keeps_both_uncertainties():
    made = [predictions(seed=seed) for seed in (0, 1, 2)]
    content, resampled = result.record(
        settings(seeds=(0, 1, 2)), inputs(made), "c0de", "results/tagging/x.json"
    )
    found = content["metrics"]["mAP"]
    assert found["low"] < found["value"] < found["high"]
    assert found["seeds"]["min"] <= found["value"] <= found["seeds"]["max"] and found["seeds"]["n"] == 3
    assert len(resampled) == 200 and set(resampled) == {"mAP", "mAUC", "d_prime", "top1_in_labels"}
    assert content["counts"] == {
        "total": 40,
        "scored": 40,
        "failed": 0,
        "cut": 3,
        "unlabelled": sum(not row.labels for row in made[0].rows),
        "skipped": 0,
    }
    assert content["pairing"]["resamples"] == "x.resamples.parquet"
    assert set(content["provenance"]["runs"]) == {"all-0", "all-1", "all-2"}
    json.dumps(content, allow_nan=False)


def test_each_run_has_scikit_learns_mean_average_precision():
    made = predictions()
    content, _ = result.record(settings(), inputs([made]), "c0de", "x.json")
    truth = result.targets(made, CLASSES)
    assert content["per_run"][0]["mAP"] == pytest.approx(
        average_precision_score(truth, made.logits, average="macro")
    )


def test_failed_clips_are_counted_by_reason_and_are_neither_right_nor_wrong():
    made = predictions(failed=4)
    content, _ = result.record(settings(), inputs([made]), "c0de", "x.json")
    assert (content["counts"]["failed"], content["counts"]["scored"]) == (4, 36)
    assert content["failures"] == [{"reason": "no audio", "n": 4, "first": "all-36"}]
    assert content["metrics"]["mAP"]["n"] == 36
    rows = list(result.clip_rows(inputs([made])))
    assert len(rows) == 40
    assert rows[-1]["status"] == "failed" and rows[-1]["reason"] == "no audio (gone, 404)"
    assert rows[-1]["best"] is None and rows[-1]["hit"] is None


def test_more_failures_than_allowed_stop_with_the_most_frequent_reason():
    with pytest.raises(UserError, match="x.json: 9 of 40 predictions failed .9 of them: no audio.*allow 0.2"):
        result.record(settings(), inputs([predictions(failed=9)]), "c0de", "x.json")


def test_a_run_without_any_clip_to_score_stops():
    with pytest.raises(UserError, match="40 of 40"):
        result.record(settings(), inputs([predictions(failed=40)]), "c0de", "x.json")


def test_a_clamped_schedule_is_told_with_what_was_left():
    made = predictions(merged=(40, 20, 9), asked=(40, 40, 40))
    content, _ = result.record(settings(), inputs([made]), "c0de", "x.json")
    assert content["tokens"]["clamped_layers"] == [1, 2]
    assert content["tokens"]["tokens"] == [100, 60, 40, 31]
    assert content["tokens"]["warning"] and "2 layers clamped" in result.one_line(content)


def test_folds_make_one_result_of_all_clips():
    made = [predictions(fold, single=True) for fold in ("one", "two")]
    content, _ = result.record(settings("single_label", folds=["one", "two"]), inputs(made), "c0de", "x.json")
    assert content["counts"]["total"] == 80 and content["metrics"]["accuracy"]["n"] == 80
    rows = list(result.clip_rows(inputs(made)))
    assert content["metrics"]["accuracy"]["value"] == pytest.approx(np.mean([row["hit"] for row in rows]))
    assert content["chance"] == 0.25
    assert {row["fold"] for row in content["per_run"]} == {"one", "two"}


def test_what_all_logits_of_a_clip_share_does_not_order_clips_of_cross_entropy():
    plain = predictions(single=True)
    rng = np.random.default_rng(0)
    shift = rng.standard_normal((40, 1)).astype(np.float32) * 20
    moved = files.Predictions(plain.rows, plain.logits + shift, plain.record)
    asked = settings("single_label")
    first, second = (result.record(asked, inputs([p], loss="ce"), "c", "x.json")[0] for p in (plain, moved))
    assert first["asked"]["scores"] == "log_softmax"
    assert first["metrics"]["mAP"]["value"] == pytest.approx(second["metrics"]["mAP"]["value"], abs=1e-6)
    truth = result.targets(plain, CLASSES)
    expected = average_precision_score(truth, log_softmax(plain.logits, axis=1), average="macro")
    assert first["metrics"]["mAP"]["value"] == pytest.approx(expected, abs=1e-6)


def test_predictions_come_back_from_disk_as_they_were(tmp_path):
    made, path = predictions(failed=2), tmp_path / "all-0.json"
    files.write(path, made)
    back = files.read(path)
    assert back.rows == made.rows and back.record == made.record
    np.testing.assert_array_equal(back.logits, made.logits)


@pytest.mark.parametrize("suffix", [".json", ".parquet", ".safetensors"])
def test_a_damaged_file_of_predictions_is_named(tmp_path, suffix):
    path = tmp_path / "all-0.json"
    files.write(path, predictions())
    path.with_suffix(suffix).write_bytes(b"torn")
    with pytest.raises(UserError, match="all-0.json: the predictions there are incomplete or damaged"):
        files.read(path)


def test_a_label_that_is_no_class_is_named():
    made = predictions()
    made.rows[0] = replace(made.rows[0], labels=["thunder"])
    with pytest.raises(UserError, match="'all-0' has the label 'thunder'"):
        result.record(settings(), inputs([made]), "c0de", "x.json")
