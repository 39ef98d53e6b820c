"""A student says the same of its test clips whatever the batch, and what failed is a row with its reason."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from tagging_task import STATISTICS
from transformers import ASTFeatureExtractor

from earmark.core.errors import UserError
from earmark.merging.hooks import Merging
from earmark.merging.schedule import Schedule
from earmark.systems.tagging import predict, student
from earmark.systems.tagging.architecture import Architecture, Sizes
from earmark.systems.tagging.asked import Input, PredictionJob
from earmark.systems.tagging.predictions import Counts

SIZES = Sizes(hidden=32, layers=3, heads=2, mlp=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, task):
    """A student with random weights, and the task's statistics."""
    made = tmp_path_factory.mktemp("student")
    model = student.build(Architecture(sizes=SIZES), 3, 128, seed=1)
    student.save(model, made)
    numbers = {fold: {**asdict(STATISTICS), "clips": 7, "cut": 0} for fold in ("all", "1", "2")}
    (made / "statistics.json").write_text(json.dumps({"given": False, "frames": 128, "folds": numbers}))
    return made


def run(folder, task, *, r="8", fold="all", batch=3, indexes=slice(None)):
    chosen = PredictionJob(
        task="sounds", tagging=Input(kind="multi_label", frames=128), fold=fold, train_seed=0, r=r, schedules={},
        proportional=True, batch=batch, device="cpu",
    )  # fmt: skip
    files = task.indexes[indexes], task.fbanks[indexes]
    return predict.run(folder, *files, task.classes, folder / "statistics.json", chosen, "c0de", 1)


def test_logits_are_the_merged_models_of_the_stock_extractors_features(folder, task):
    found = run(folder, task)
    model = student.load(folder).eval()
    extractor = ASTFeatureExtractor(**asdict(STATISTICS), max_length=128)
    assert [row.clip_id for row in found.rows] == ["clip 8", "clip 9", "clip 10", "clip 11"]
    for row, logits in zip(found.rows, found.logits, strict=True):
        samples = task.audio[row.clip_id]
        x = extractor(samples - samples.mean(), sampling_rate=16000, return_tensors="pt")["input_values"]
        with torch.inference_mode(), Merging(model, Schedule("8", 8)):
            # Features are stored in half precision, which may change which tokens are most alike.
            assert np.abs(model(x).logits[0].numpy() - logits).max() < 0.05
    assert found.record.merging.tokens == [146, 138, 130, 122]


def test_logits_do_not_depend_on_the_batch_and_repeat_bit_for_bit(folder, task):
    alone, together, again = (run(folder, task, batch=batch).logits for batch in (1, 4, 4))
    np.testing.assert_array_equal(together, again)
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_a_fold_is_tested_on_its_group_in_every_split_and_lost_clips_are_rows(folder, task):
    found = run(folder, task, fold="1")
    assert [row.clip_id for row in found.rows] == [f"clip {n}" for n in range(6)]
    lost = found.rows[-1]
    assert lost.status == "failed" and lost.reason
    assert np.isnan(found.logits[-1]).all() and np.isfinite(found.logits[:-1]).all()
    assert found.record.clips == Counts(tested=6, considered=12)
    assert found.scored == [0, 1, 2, 3, 4]


def test_a_schedule_beyond_the_tokens_is_recorded_with_its_warning(folder, task):
    merging = run(folder, task, r="64").record.merging
    assert merging.asked == [64, 64, 64] and merging.merged == [64, 40, 20]
    assert merging.tokens == [146, 82, 42, 22] and merging.clamped_layers == [1, 2]
    assert "r64 on 146 tokens" in merging.warning


def test_logits_that_are_no_numbers_fail_their_clip(folder, task, tmp_path):
    model = student.load(folder)
    with torch.no_grad():
        model.classifier.dense.bias[0] = torch.nan
    student.save(model, tmp_path)
    (tmp_path / "statistics.json").write_bytes((folder / "statistics.json").read_bytes())
    found = run(tmp_path, task)
    assert {row.reason for row in found.rows} == {"logits not finite (1 of 3)"} and found.scored == []


def test_a_student_of_other_classes_is_refused(folder, task, tmp_path):
    other = student.build(Architecture(sizes=SIZES), 4, 128)
    student.save(other, tmp_path)
    (tmp_path / "statistics.json").write_bytes((folder / "statistics.json").read_bytes())
    with pytest.raises(UserError, match="4 classes apart, the task has 3"):
        run(tmp_path, task)


def test_shards_without_a_clip_of_the_fold_are_refused(folder, task):
    with pytest.raises(UserError, match="no usable test clip of fold 'all'"):
        run(folder, task, indexes=slice(0, 2))
