"""From Parquet files to a record and to the page; what is wrong ends in one line."""

from __future__ import annotations

import json
import re
import subprocess

import numpy as np
import pytest
import warm

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.report import files
from earmark.systems.embeddings.probe.asked import Probe
from earmark.systems.embeddings.probe.job import run, shard_files
from earmark.systems.embeddings.probe.read import by_layer, position, read


def test_layers_are_in_the_order_of_the_network():
    given = ["lm.10", "projector", "encoder", "lm.2", "encoder.1", "lm.0", "encoder.0", "encoder.11"]
    wanted = ["encoder.0", "encoder.1", "encoder.11", "encoder", "projector", "lm.0", "lm.2", "lm.10"]
    assert sorted(given, key=position) == wanted


def test_script_makes_the_same_valid_record_twice(embeddings, settings, tmp_path):
    given = [argument for path in embeddings for argument in ("--embeddings", str(path))]
    for name in ("a.json", "b.json"):
        command = [warm.python(), str(SCRIPTS / "probe.py"), *given]
        rest = ["--settings", json.dumps(settings), "--output", str(tmp_path / name)]
        subprocess.run([*command, *rest], check=True)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    record = files.read(tmp_path / "a.json", "probe")
    assert [layer["layer"] for layer in record["layers"]] == ["encoder", "lm.2", "lm.10"]
    assert record["map"]["layer"] == "encoder", "the best layer is the one on the map"
    assert record["layers"][0]["accuracy"]["low"] > record["layers"][0]["chance"]
    assert record["provenance"]["packages"]["scikit-learn"]


def test_a_folder_stands_for_its_configured_shards(tmp_path):
    for name in ("test-00000-of-00002", "test-00001-of-00002", "test-00000-of-00001"):
        (tmp_path / f"{name}.parquet").touch()
    assert [path.stem for path in shard_files([tmp_path], {"test": 1})] == ["test-00000-of-00001"]
    assert len(shard_files([tmp_path], {"test": 2})) == 2
    assert len(shard_files([tmp_path, tmp_path / "test-00000-of-00001.parquet"], None)) == 3


def test_states_per_frame_are_refused_with_the_setting_that_helps(written, vectors, settings, tmp_path):
    paths = written(tmp_path / "encoder", vectors(), pooling="none", vector=None)
    with pytest.raises(UserError, match="set pooling to"):
        run(Probe.read(settings, "settings"), paths, "test")
    with pytest.raises(UserError, match="set pooling to"):
        run(Probe.read(settings | {"pooling": "none"}, "settings"), [], "test")


def test_clips_that_failed_or_have_no_label_are_counted_and_left_out(written, vectors, tmp_path):
    data = vectors()
    data.labels[3] = ""
    paths = written(tmp_path / "a", data)
    empty = written(tmp_path / "b", vectors("encoder", sources=4), vector=None)
    for path in empty:
        path.rename(path.with_stem(f"failed-{path.stem}"))
    found = read("encoder", [*paths, *(path.with_stem(f"failed-{path.stem}") for path in empty)])
    assert found.left_out == {"failed": 20, "unlabelled": 1}
    assert len(found.clip_ids) == len(found.values) == 119
    np.testing.assert_array_equal(found.values[3], data.values[4])


def test_layers_of_other_clips_are_refused(written, vectors, settings, tmp_path):
    paths = written(tmp_path / "a", vectors("encoder")) + written(tmp_path / "b", vectors("lm.0", sources=20))
    with pytest.raises(UserError, match="not of the same clips"):
        run(Probe.read(settings, "settings"), paths, "test")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"vector": [1.0, float("nan")]}, "is not finite"),
        ({"clip_id": "same"}, "clip 'same' has more than one vector"),
        ({"vector": None}, "no clip has a vector and a label"),
    ],
)
def test_damaged_vectors_are_refused_in_one_line(written, vectors, tmp_path, changed, message):
    paths = written(tmp_path / "encoder", vectors(), **changed)
    with pytest.raises(UserError, match=re.escape(message)):
        read("encoder", paths)


def test_something_else_than_embeddings_is_refused_in_one_line(tmp_path):
    (tmp_path / "x.parquet").write_text("no table")
    for name in ("x.parquet", "missing.parquet"):
        with pytest.raises(UserError, match="is not a file of pooled embeddings") as raised:
            by_layer([tmp_path / name])
        assert "\n" not in str(raised.value)
