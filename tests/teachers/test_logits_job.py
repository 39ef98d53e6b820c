"""A teacher trained, then run over a shard: what is stored, what an interruption loses, what is refused."""

import json
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from earmark.provenance import SCRIPTS
from earmark.teachers.store import Logits

from .conftest import environment, packed

TRAIN = {"steps": 4, "batch": 4, "save_every": 2}


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Twelve sounds and a teacher that was trained for four steps."""
    found = packed(tmp_path_factory.mktemp("taught"))
    done = found.teach(found.settings(train=TRAIN, width=0.1))
    assert done.returncode == 0, done.stderr
    return found


def test_the_record_of_a_trained_teacher_says_what_it_is(taught) -> None:
    record = json.loads((taught.folder / "teacher/teacher.json").read_text())

    assert record["classes"] == list(taught.classes.names)
    assert record["order"] == [0, 1, 2]
    assert record["sample_rate"] == 32000
    assert record["seconds"] == 0.5  # the task's 50 frames
    assert record["front_end"]["fmax"] == 15000
    assert record["training"]["clips"] == 11
    assert list(record["files"]) == ["model.safetensors"]


def test_a_failed_clip_is_a_row_with_its_reason_and_no_numbers(taught) -> None:
    done = taught.logits(taught.settings(train=TRAIN, width=0.1), "all/a.safetensors")

    assert done.returncode == 0, done.stderr
    rows = pq.read_table(taught.folder / "all/a.parquet").to_pylist()
    assert [row["clip_id"] for row in rows] == [clip.clip_id for clip in taught.clips]
    assert rows[10]["status"] == "failed"
    assert rows[10]["reason"].startswith("missing")
    stored = Logits([[taught.folder / "all/a.safetensors"]])
    assert stored.missing(["clip 3", "clip 10"]) == ["clip 10"]
    assert stored.failed == {"missing": 1}
    record = json.loads((taught.folder / "all/a.json").read_text())
    assert record["counts"] == {
        "clips": 12, "failed": 1, "cut": 0, "computed": 11, "kept_from_interrupted_run": 0,
    }  # fmt: skip
    assert record["timing"]["clips_per_second"] > 0
    assert "clips/s" in done.stdout


def test_stored_logits_are_those_of_the_network_on_the_clips_audio(taught) -> None:
    from earmark import shards
    from earmark.teachers import contract

    taught.logits(taught.settings(train=TRAIN, width=0.1), "same/a.safetensors")
    record = contract.Record.read(taught.folder / "teacher/teacher.json")
    teacher = contract.module("mobilenet").load(record, torch.device("cpu"))
    waves = dict(shards.stream(taught.tar, 32000))

    stored = Logits([[taught.folder / "same/a.safetensors"]])

    for clip in taught.clips[:3]:
        alone = teacher.logits([clip], [waves[clip.key]])[0].numpy()
        np.testing.assert_allclose(stored.get(clip.clip_id)[0], alone, atol=2e-3)


def test_a_killed_job_keeps_its_rows_and_ends_with_the_same_bytes(taught) -> None:
    settings = taught.settings(train=TRAIN, width=0.1) | {"batch": 2}
    whole = taught.logits(settings, "whole/a.safetensors")
    assert whole.returncode == 0, whole.stderr
    rows = taught.folder / "work/logits/rows.bin"
    command = [sys.executable, *map(str, slowed(taught.logits_command(settings, "again/a.safetensors")))]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as running:
        while not (rows.is_file() and rows.stat().st_size >= 4 * 3 * 2):
            assert running.poll() is None
            time.sleep(0.01)
        running.kill()
    with rows.open("ab") as stream:
        stream.write(b"\x01\x02")  # a row that was cut off
    before = rows.stat().st_size // 6

    again = taught.logits(settings, "again/a.safetensors")

    assert again.returncode == 0, again.stderr
    counts = json.loads((taught.folder / "again/a.json").read_text())["counts"]
    assert before - 1 <= counts["kept_from_interrupted_run"] <= before
    assert counts["kept_from_interrupted_run"] >= 4
    assert counts["computed"] == 11 - counts["kept_from_interrupted_run"]
    for suffix in ("safetensors", "parquet"):
        first, second = (taught.folder / name / f"a.{suffix}" for name in ("whole", "again"))
        assert first.read_bytes() == second.read_bytes()
    assert not rows.exists()


def slowed(command: list) -> list:
    """The same script, a tenth of a second slower at every batch, so that it can be killed midway."""
    code = (
        "import sys, time, runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, sys.argv[0].rpartition('/')[0]);"
        "from earmark.teachers import cache; append = cache.Rows.append;"
        "cache.Rows.append = lambda *a: (append(*a), time.sleep(0.1));"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return ["-c", code, SCRIPTS / command[0], *command[1:]]


def test_rows_of_another_teacher_are_not_kept(taught) -> None:
    from earmark.teachers.cache import Rows

    folder = taught.folder / "rows"
    first = Rows(folder, 2, "float16", "one")
    first.resume([])
    first.append(np.ones((3, 2), np.float16), 0, {1: "not finite"})

    same, other = Rows(folder, 2, "float16", "one"), None
    assert same.resume([2, 3]) == 3
    assert same.reasons() == {1: "not finite"}
    assert same.resume([2, 4]) == 2
    other = Rows(folder, 2, "float16", "two")
    assert other.resume([2, 3]) == 0
    assert other.reasons() == {}


def test_an_interrupted_training_ends_with_the_same_weights(taught, tmp_path) -> None:
    steps = {**TRAIN, "steps": 6}
    whole, stopped = packed(tmp_path / "whole"), packed(tmp_path / "stopped")
    assert whole.teach(whole.settings(train=steps, width=0.1)).returncode == 0
    command = stopped.settings(train=steps, width=0.1)
    code = (
        "import sys, os, runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, sys.argv[0].rpartition('/')[0]);"
        "from earmark.training import loop; save = loop._save;"
        "loop._save = lambda *a: (save(*a), os.kill(os.getpid(), 9));"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    arguments = ["--settings", json.dumps(command), "--classes", stopped.folder / "classes.json"]
    arguments += [
        "--output",
        stopped.folder / "teacher/teacher.json",
        "--work",
        stopped.folder / "work/teacher",
    ]
    arguments += ["--shard", stopped.tar, "--index", stopped.index]
    call = [sys.executable, "-c", code, SCRIPTS / "teacher.py", *arguments]
    killed = subprocess.run(list(map(str, call)), capture_output=True, env=environment(), check=False)
    assert killed.returncode == -9
    assert not (stopped.folder / "teacher/teacher.json").exists()

    assert stopped.teach(command).returncode == 0

    first, second = (found.folder / "teacher/model.safetensors" for found in (whole, stopped))
    assert first.read_bytes() == second.read_bytes()


def test_audio_below_the_teachers_rate_is_refused_unless_that_is_asked_for(taught, tmp_path) -> None:
    low = packed(tmp_path / "low", rate=16000)
    refused = low.teach(low.settings(train=TRAIN, width=0.1))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: teacher 't': the shards' 16000 Hz lack what it hears above 8000 Hz"
    )
    assert "upsample" in refused.stderr.strip().splitlines()[-1]

    settings = low.settings(train=TRAIN, width=0.1, upsample=True)
    assert low.teach(settings).returncode == 0
    done = low.logits(settings)
    assert done.returncode == 0, done.stderr
    assert json.loads((low.folder / "logits/a.json").read_text())["upsample"] == "true"
    settings["options"]["upsample"] = False
    refused = low.logits(settings)
    assert refused.returncode == 1
    assert "16000 Hz" in refused.stderr


def test_longer_clips_are_cut_and_counted(taught, tmp_path) -> None:
    found = packed(tmp_path, count=4)
    settings = found.settings(train=TRAIN, width=0.1, seconds=0.25)
    assert found.teach(settings).returncode == 0

    assert found.logits(settings).returncode == 0

    assert json.loads((found.folder / "logits/a.json").read_text())["counts"]["cut"] == 3
    assert [row["cut"] for row in pq.read_table(found.folder / "logits/a.parquet").to_pylist()] == [
        True, True, False, True,
    ]  # fmt: skip


def test_a_logit_too_large_for_float16_is_an_error_that_names_the_clip(taught, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    found = packed(tmp_path, count=4)
    settings = found.settings(train=TRAIN, width=0.1)
    assert found.teach(settings).returncode == 0
    weights = load_file(found.folder / "teacher/model.safetensors")
    weights["classifier.5.bias"] += 1e5
    save_file(weights, found.folder / "big.safetensors")
    loud = found.settings(path=str(found.folder / "big.safetensors"), width=0.1)
    assert found.teach(loud).returncode == 0

    refused = found.logits(loud)

    assert refused.returncode == 1
    assert "a logit of clip 'clip 0' is 1000" in refused.stderr
    assert "teachers.t.storage to float32" in refused.stderr
    assert not (found.folder / "logits/a.safetensors").exists()
    assert found.logits(loud | {"storage": "float32"}).returncode == 0
    stored = Logits([[found.folder / "logits/a.safetensors"]])
    assert (stored.get("clip 0") > 9e4).all()


def test_weights_that_changed_since_are_refused(taught, tmp_path) -> None:
    found = packed(tmp_path, count=4)
    settings = found.settings(train=TRAIN, width=0.1)
    assert found.teach(settings).returncode == 0
    with (found.folder / "teacher/model.safetensors").open("ab") as stream:
        stream.write(b" ")

    refused = found.logits(settings)

    assert refused.returncode == 1
    assert "has changed since" in refused.stderr
