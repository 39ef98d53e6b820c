"""A teacher trained, then run over a shard: what is stored, what an interruption loses, what is refused."""

import json
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from earmark.core.errors import UserError
from earmark.data import shards
from earmark.systems.tagging.teachers import contract
from earmark.systems.tagging.teachers.cache import Rows

from .conftest import environment, packed, patched

TRAIN = {"steps": 4, "batch": 4, "save_every": 2}


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Twelve sounds and a teacher that was trained for four steps."""
    found = packed(tmp_path_factory.mktemp("taught"))
    found.teach(found.settings(train=TRAIN, width=0.1))
    return found


@pytest.fixture
def few(tmp_path, taught):
    """Four sounds, and how they are taught: as well as nothing."""
    found = packed(tmp_path / "few", count=4)
    return found, found.settings(train=TRAIN, width=0.1)


def test_the_record_of_a_trained_teacher_says_what_it_is(taught) -> None:
    record = json.loads((taught.folder / "teacher/teacher.json").read_text())

    assert record["classes"] == list(taught.classes.names)
    assert record["order"] == [0, 1, 2]
    assert record["sample_rate"] == 32000
    assert record["seconds"] == 0.5  # the task's 50 frames
    assert record["front_end"]["fmax"] == 15000
    assert record["training"]["clips"] == 11
    assert list(record["files"]) == ["model.safetensors"]


def test_a_failed_clip_is_a_row_with_its_reason_and_no_numbers(taught, capfd) -> None:
    stored = taught.logits(taught.settings(train=TRAIN, width=0.1), "all/a.safetensors")

    rows = pq.read_table(taught.folder / "all/a.parquet").to_pylist()
    assert [row["clip_id"] for row in rows] == [clip.clip_id for clip in taught.clips]
    assert rows[10]["status"] == "failed"
    assert rows[10]["reason"].startswith("missing")
    assert np.isnan(load_file(taught.folder / "all/a.safetensors")["logits"][10].numpy()).all()
    assert stored.missing(["clip 3", "clip 10"]) == ["clip 10"]
    assert stored.failed == {"missing": 1}
    record = json.loads((taught.folder / "all/a.json").read_text())
    counts = {"clips": 12, "failed": 1, "cut": 0, "computed": 11, "kept_from_interrupted_run": 0}
    assert record["counts"] == counts
    assert record["timing"]["clips_per_second"] > 0
    assert "clips/s" in capfd.readouterr().out


def test_stored_logits_are_those_of_the_network_on_the_clips_audio(taught) -> None:
    stored = taught.logits(taught.settings(train=TRAIN, width=0.1), "same/a.safetensors")
    record = contract.Record.read(taught.folder / "teacher/teacher.json")
    teacher = contract.module("mobilenet").load(record, torch.device("cpu"))
    waves = dict(shards.stream(taught.tar, 32000))

    for clip in taught.clips[:3]:
        alone = teacher.logits([clip], [waves[clip.key]])[0].numpy()
        np.testing.assert_allclose(stored.get(clip.clip_id)[0], alone, atol=2e-3)


def test_a_killed_job_keeps_its_rows_and_ends_with_the_same_bytes(taught) -> None:
    settings = taught.settings(train=TRAIN, width=0.1) | {"batch": 2}
    taught.logits(settings, "whole/a.safetensors")
    rows = taught.folder / "work/logits/rows.bin"
    slow = (
        "from earmark.systems.tagging.teachers import cache; append = cache.Rows.append;"
        "cache.Rows.append = lambda *a: (append(*a), time.sleep(0.1))"
    )
    command = patched(taught.logits_command(settings, "again/a.safetensors"), slow)
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as running:
        while not (rows.is_file() and rows.stat().st_size >= 4 * 3 * 2):
            assert running.poll() is None
            time.sleep(0.01)
        running.kill()
    before = rows.stat().st_size // 6
    with rows.open("ab") as stream:
        stream.write(b"\x01\x02")  # of a row that was cut off

    taught.logits(settings, "again/a.safetensors")

    counts = json.loads((taught.folder / "again/a.json").read_text())["counts"]
    assert counts["kept_from_interrupted_run"] == before >= 4
    assert counts["computed"] == 11 - before
    for suffix in ("safetensors", "parquet"):
        first, second = (taught.folder / name / f"a.{suffix}" for name in ("whole", "again"))
        assert first.read_bytes() == second.read_bytes()
    assert not rows.exists()


def test_rows_of_another_job_and_of_half_a_batch_are_not_kept(tmp_path) -> None:
    first = Rows(tmp_path, 2, "float16", "one")
    first.resume([])
    first.append(np.ones((3, 2), np.float16), 0, {1: "not finite"})

    same = Rows(tmp_path, 2, "float16", "one")
    assert same.resume([2, 3]) == 3
    assert same.reasons() == {1: "not finite"}
    assert same.resume([2, 4]) == 2
    other = Rows(tmp_path, 2, "float16", "two")
    assert other.resume([2, 3]) == 0
    assert other.reasons() == {}


def test_an_interrupted_training_ends_with_the_same_weights(few, tmp_path) -> None:
    stopped, settings = few
    whole = packed(tmp_path / "whole", count=4)
    whole.teach(settings)
    die = (
        "from earmark.training.state import Store; save = Store.save;"
        "Store.save = lambda *a: (save(*a), os.kill(os.getpid(), 9))"
    )
    command = patched(stopped.teacher_command(settings), die)
    killed = subprocess.run(command, capture_output=True, env=environment(), check=False)
    assert killed.returncode == -9
    assert not (stopped.folder / "teacher/teacher.json").exists()

    stopped.teach(settings)

    first, second = (found.folder / "teacher/model.safetensors" for found in (whole, stopped))
    assert first.read_bytes() == second.read_bytes()


def test_audio_below_the_teachers_rate_is_refused_unless_that_is_asked_for(tmp_path) -> None:
    low = packed(tmp_path, count=4, rate=16000)
    with pytest.raises(UserError, match="the shards' 16000 Hz lack what it hears above 8000 Hz.*upsample"):
        low.teach(low.settings(train=TRAIN, width=0.1))

    settings = low.settings(train=TRAIN, width=0.1, upsample=True)
    low.teach(settings)
    stored = low.logits(settings)
    assert stored.teachers[0]["upsample"] == "true"
    settings["options"]["upsample"] = False
    with pytest.raises(UserError, match="16000 Hz"):
        low.logits(settings)


def test_longer_clips_are_cut_and_counted(tmp_path) -> None:
    found = packed(tmp_path, count=4)
    settings = found.settings(train=TRAIN, width=0.1, seconds=0.25)
    found.teach(settings)

    found.logits(settings)

    assert json.loads((found.folder / "logits/a.json").read_text())["counts"]["cut"] == 3
    cut = pq.read_table(found.folder / "logits/a.parquet")["cut"].to_pylist()
    assert cut == [True, True, False, True]


def test_a_logit_too_large_for_float16_is_an_error_that_names_the_clip(few) -> None:
    found, settings = few
    found.teach(settings)
    weights = load_file(found.folder / "teacher/model.safetensors")
    weights["classifier.5.bias"] += 1e5
    save_file(weights, found.folder / "big.safetensors")
    loud = found.settings(path=str(found.folder / "big.safetensors"), width=0.1)
    found.teach(loud)

    with pytest.raises(UserError, match=r"clip 'clip 0' is \d+.*teachers.t.storage to float32"):
        found.logits(loud)

    assert not (found.folder / "logits/a.safetensors").exists()
    assert (found.logits(loud | {"storage": "float32"}).get("clip 0") > 9e4).all()


def test_weights_that_changed_since_are_refused(few) -> None:
    found, settings = few
    found.teach(settings)
    with (found.folder / "teacher/model.safetensors").open("ab") as stream:
        stream.write(b" ")

    with pytest.raises(UserError, match="has changed since"):
        found.logits(settings)
