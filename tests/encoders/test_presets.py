"""The bundled trainings and evaluations name what the specification's table names."""

from __future__ import annotations

import pytest

from earmark.systems.encoders import presets
from earmark.systems.encoders.shard import shards_of
from earmark.systems.encoders.weights import shares

ALL = {
    "asvspoof2015": 2.0, "cremad": 0.7, "esc-50": 0.5, "fluentspeechcommands": 2.7, "freemusicarchive": 7.2,
    "fsd50k": 1.0, "fsdkaggle2018": 2.4, "gtzan": 1.0, "libricount": 0.5, "nsynth": 3.7,
    "speechcommandsv1": 6.2, "urbansound8k": 1.0, "vocalsound": 2.4, "voxceleb1": 4.5, "voxlingua33": 24.6,
    "aishell-1": 6.2, "clotho": 2.5, "librispeech": 6.2, "songdescriber": 0.2, "mecat": 24.6,
}  # fmt: skip
TASK1 = {
    "asvspoof2015": 3.9, "cremad": 3.9, "esc-50": 2.0, "fluentspeechcommands": 7.8, "freemusicarchive": 7.8,
    "fsd50k": 11.8, "fsdkaggle2018": 7.8, "gtzan": 3.9, "libricount": 3.9, "nsynth": 11.8,
    "speechcommandsv1": 3.9, "urbansound8k": 3.9, "vocalsound": 7.8, "voxceleb1": 7.8, "voxlingua33": 11.8,
}  # fmt: skip
TASK2 = {"aishell-1": 22.2, "clotho": 11.1, "librispeech": 22.2, "songdescriber": 11.1, "mecat": 33.3}


def counts(blocks):
    return [len(shards_of(block, name)) for name, block in blocks.items()]


@pytest.mark.parametrize(
    ("name", "train", "test"), [("task1", 863, 290), ("task2", 224, 49), ("all", 1087, 339)]
)
def test_a_task_has_as_many_shards_as_upstream(name, train, test):
    evaluated = {each: block.data for each, block in presets.evaluation(name).items()}
    assert sum(counts(presets.training(name).train_data)) == train
    assert sum(counts(evaluated)) == test


@pytest.mark.parametrize(("name", "expected"), [("task1", TASK1), ("task2", TASK2), ("all", ALL)])
def test_data_sets_are_drawn_as_often_as_upstream(name, expected):
    blocks = presets.training(name).train_data
    found = shares(list(blocks.values()), counts(blocks))
    assert {each: round(100 * share, 1) for each, share in zip(blocks, found, strict=True)} == expected


def test_each_of_the_twenty_is_a_training_of_its_own():
    assert len(presets.NAMES) == 23
    file = presets.training("voxlingua33")
    assert file.max_steps == 30_000 and list(file.train_data) == ["voxlingua33"]
    assert presets.training("all").max_steps == 100_000


def test_shards_lie_where_a_manual_download_puts_them(monkeypatch):
    monkeypatch.setenv("XARES_DATA_HOME", "/data/xares")
    first, *_, last = shards_of(presets.evaluation("asvspoof2015")["asvspoof2015"].data, "x")
    assert first.path == "/data/xares/ASVSpoof2015/test/asvspoof_eval_000000.tar.gz"
    assert last.inside == "ASVSpoof2015/test/asvspoof_eval_000193.tar.gz"
    monkeypatch.delenv("XARES_DATA_HOME")
    [mecat] = [
        s for s in shards_of(presets.evaluation("mecat")["mecat"].data, "x") if "S00/test_0001" in s.path
    ]
    assert (mecat.repo, mecat.path) == ("mispeech/MECAT-Caption", "xares_data/S00/test_0001-0000000.tar.gz")
