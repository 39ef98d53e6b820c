"""Statistics from sums equal those of the padded features themselves, of training clips alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tagging_task import TAGGING, changed

from earmark.core.errors import UserError
from earmark.systems.tagging.config import Statistics
from earmark.systems.tagging.mel_statistics import read, statistics, write
from earmark.systems.tagging.normal import Normal
from earmark.systems.tagging.splits import roles


def direct(task, tagging, fold):
    """Mean and deviation by numpy over the features as a model sees them, padded with zeros."""
    clips = task.opened(fold_statistics=Normal(mean=0.0, std=0.5))
    train = roles(clips.entries(), tagging, fold, 0)["train"]
    cells = torch.stack([clips[int(index)].features for index in train]).numpy().astype(np.float64)
    return cells.mean(), cells.std(), len(train)


@pytest.mark.parametrize("folds", [None, ["1", "2"]])
def test_sums_give_what_the_padded_features_give(task, folds):
    tagging = changed(folds=folds)
    made = statistics(task.indexes, tagging, 0)
    assert list(made) == (folds or ["all"])
    for fold, found in made.items():
        mean, std, clips = direct(task, tagging, fold)
        assert (found.mean, found.std) == pytest.approx((mean, std), rel=1e-9)
        assert found.clips == clips
    if folds:
        assert made["1"].mean != made["2"].mean


def test_given_statistics_are_marked_and_stand_for_every_fold(tmp_path):
    tagging = changed(folds=["1", "2"], statistics=Statistics(mean=-4.2677393, std=4.5689974))
    write(tmp_path / "s.json", tagging, {})
    assert json.loads((tmp_path / "s.json").read_text())["given"] is True
    assert read(tmp_path / "s.json", "2") == Normal(mean=-4.2677393, std=4.5689974)
    with pytest.raises(UserError, match="no statistics of fold '3'"):
        read(tmp_path / "s.json", "3")


def test_written_statistics_are_read_back(task, tmp_path):
    made = statistics(task.indexes, TAGGING, 0)
    write(tmp_path / "s.json", TAGGING, made)
    content = json.loads((tmp_path / "s.json").read_text())
    assert (content["given"], content["frames"]) == (False, 128)
    assert content["folds"]["all"]["cut"] == 0
    assert read(tmp_path / "s.json", "all") == Normal(made["all"].mean, made["all"].std)


def test_only_the_sums_are_read(task, tmp_path):
    copies = [shutil.copy(path, tmp_path / f"{n}.parquet") for n, path in enumerate(task.indexes)]
    assert statistics(copies, TAGGING, 0) == statistics(task.indexes, TAGGING, 0)


def test_a_damaged_index_is_named(task, tmp_path):
    (tmp_path / "bad.parquet").write_bytes(task.indexes[0].read_bytes()[:-100])
    with pytest.raises(UserError, match="bad.parquet is damaged"):
        statistics([tmp_path / "bad.parquet"], TAGGING, 0)


def test_silence_has_no_deviation_and_says_so(task, tmp_path):
    table = pq.read_table(task.indexes[0])
    for name in ("sum", "sum_squares"):
        zeros = [0.0] * len(table)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), [zeros])
    pq.write_table(table, tmp_path / "flat.parquet")
    tagging = changed(folds=["1"])
    table = table.set_column(
        table.schema.get_field_index("group"), table.schema.field("group"), [["1", "2", "2", "3"]]
    )
    table = table.set_column(
        table.schema.get_field_index("source_id"),
        table.schema.field("source_id"),
        [[["a"], ["b"], ["c"], ["d"]]],
    )
    pq.write_table(table, tmp_path / "flat.parquet")
    with pytest.raises(UserError, match="no deviation"):
        statistics([tmp_path / "flat.parquet"], tagging, 0)
