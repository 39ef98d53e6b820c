"""The script train_student: from the files of a task to a student and its record, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import warm
from tagging_task import TAGGING

from earmark.config.task import Task
from earmark.core.errors import UserError
from earmark.core.files import sha256, write_json
from earmark.core.places import SCRIPTS
from earmark.systems.tagging import job, recipe, student
from earmark.systems.tagging.asked import Places, TrainingJob
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.materials import Files
from earmark.systems.tagging.settings import Training
from earmark.systems.tagging.teachers.store import Row, write

SETTINGS = {
    "task": "small",
    "recipe": "kd",
    "fold": "all",
    "train_seed": 3,
    "seed": 0,
    "tagging": TAGGING.chosen("kind", "frames", "folds", "validation_share", "validation_group"),
    "student": {
        "name": "tiny",
        "sizes": {"hidden": 16, "layers": 2, "heads": 2, "mlp": 32},
        "strides": [16, 16],
        "init": {"from": "random"},
    },
    "teachers": ["wise"],
    "lambda": 0.3,
    "tau": 1.0,
    "unlabelled_by_teacher": "refuse",
    "proportional": True,
    "r": "8",
    "schedules": {},
    "training": {"epochs": 2, "batch_size": 3, "learning_rate": 1e-3, "warmup_steps": 1, "time_mask": 9},
    "labels": ["demo"],
    "device": "cpu",
}


@pytest.fixture
def places(task, tmp_path) -> dict:
    """The task's files as the rules name them, with a teacher's logits of the clips of ``train``."""
    task.classes.write(tmp_path / "classes.json")
    numbers = {"given": False, "frames": 128, "folds": {"all": {"mean": -4.0, "std": 3.0}}}
    write_json(tmp_path / "statistics.json", numbers)
    for folder in ("fbank", "audio", "logits"):
        (tmp_path / folder).mkdir()
    names = ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"]
    for name, tar, index, fbank in zip(names, task.tars, task.indexes, task.fbanks, strict=True):
        shutil.copy(tar, tmp_path / "audio" / f"{name}.tar")
        shutil.copy(index, tmp_path / "fbank" / f"{name}.parquet")
        shutil.copy(fbank, tmp_path / "fbank" / f"{name}.safetensors")
    teach(task, tmp_path, task.classes, [clip.clip_id for clip in task.clips])
    return {
        "fbank": str(tmp_path / "fbank"),
        "audio": str(tmp_path / "audio"),
        "logits": [{"folder": str(tmp_path / "logits"), "splits": ["train"]}],
        "shards": {"train": 2, "test": 1},
    }


def teach(task, folder: Path, classes: Classes, known: list[str]) -> None:
    """Write logits that are right; of clips that are not ``known`` none."""
    for number in range(2):
        clips = [
            clip for clip in task.clips[4 * number : 4 * number + 4] if clip.ok and clip.clip_id in known
        ]
        logits = np.array([8 * classes.multi_hot(clip.labels) - 4 for clip in clips], np.float16).reshape(
            -1, 3
        )
        rows = [Row(clip.clip_id, clip.key, "ok", "", False) for clip in clips]
        path = folder / "logits" / f"train-{number:05d}-of-00002.safetensors"
        write(path, logits, rows, {"teacher": "wise", "digest": "w", "classes_digest": classes.digest})


def train(tmp_path: Path, places: dict, **changes) -> dict:
    chosen = TrainingJob.read({**SETTINGS, **changes}, "settings")
    files = Files.of(Places.read(places, "places"), tmp_path / "classes.json", tmp_path / "statistics.json")
    output = tmp_path / "student" / "student.json"
    try:
        job.run(chosen, files, output, tmp_path / "work", "code", 1)
    finally:
        torch.use_deterministic_algorithms(False)
    return json.loads(output.read_text())


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_student_and_its_record_come_out(places, tmp_path):
    found = train(tmp_path, places)

    made = student.load(tmp_path / "student")
    assert [made.config.id2label[i] for i in range(3)] == ["hum", "hiss", "beep"]
    assert found["weights"] == sha256(tmp_path / "student" / "model.safetensors")
    assert oct((tmp_path / "student" / "model.safetensors").stat().st_mode & 0o777) == oct(0o666 & ~umask())
    assert [entry["epoch"] for entry in found["epochs"]] == [1, 2]
    assert found["epoch"] in (1, 2)
    assert found["validation"]["mAP"] == max(entry["mAP"] for entry in found["epochs"])
    clips = found["clips"]
    assert clips["train"] + clips["validation"] == 7
    assert clips["drawn"] == 2 * clips["train"]
    assert 0 < clips["mixed"] <= clips["drawn"]
    assert found["teachers"]["teachers"][0]["training_map"]["map"] == 1
    assert found["merging"]["asked"] == [8, 8]
    assert found["merging"]["tokens"] == [66, 58, 50]
    assert found["settings"]["training"]["warmup_steps"] == 1
    assert found["provenance"]["code"] == "code"
    made_from = found["data"]
    assert all(len(made_from[key]) == 64 for key in ("clips_sha256", "states_sha256", "classes"))
    assert len(made_from["logits_sha256"]) == 1
    assert list((tmp_path / "student" / "events").iterdir())
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["lock"]


def test_the_same_settings_give_the_same_student(places, tmp_path):
    weights = [train(tmp_path, places)["weights"] for _ in range(2)]
    assert weights[0] == weights[1]
    assert train(tmp_path, places, train_seed=4)["weights"] != weights[0]


@pytest.mark.parametrize(("threads", "workers"), [(1, 0), (2, 1), (3, 2), (9, 2)])
def test_clips_are_loaded_by_no_more_processes_than_there_are_cores_for(threads, workers):
    training = Training.read({**SETTINGS["training"], "workers": 2}, "x")
    assert training.within(threads).workers == workers


def test_layers_that_merge_less_than_asked_are_recorded(places, tmp_path):
    with pytest.warns(UserWarning, match="merge as many as they can"):
        found = train(tmp_path, places, r="40")
    assert found["clamped_layers"] == [0, 1]
    assert found["merging"]["merged"] == [32, 16]


def test_clips_without_logits_are_refused_or_learned_from_labels_and_counted(task, places, tmp_path):
    known = [
        clip.clip_id for clip in task.clips if clip.clip_id not in ("clip 0", "clip 1", "clip 2", "clip 3")
    ]
    teach(task, tmp_path, task.classes, known)
    with pytest.raises(UserError, match="training clips have no logits of 'wise'"):
        train(tmp_path, places)
    found = train(tmp_path, places, unlabelled_by_teacher="labels")
    assert found["clips"]["without_teacher"] >= 2 * found["teachers"]["without_logits"] > 0


def test_logits_of_other_classes_are_refused(task, places, tmp_path):
    turned = Classes(("hiss", "hum", "beep"), ("", "", ""), "multi_label")
    teach(task, tmp_path, turned, [clip.clip_id for clip in task.clips])
    with pytest.raises(UserError, match="not in their order"):
        train(tmp_path, places)


def test_a_warm_up_of_most_of_the_training_is_refused(places, tmp_path):
    with pytest.raises(UserError, match="warmup_steps 50 is more than half of all"):
        train(tmp_path, places, training={**SETTINGS["training"], "warmup_steps": 50})


SRUN = """#!{python}
import os, subprocess, sys
at = sys.argv.index({started!r})
options, command = sys.argv[1:at], sys.argv[at:]
count = int(options[options.index("--ntasks") + 1])
copies = [
    subprocess.Popen(command, env={{**os.environ, "SLURM_NODEID": str(node), "CUDA_VISIBLE_DEVICES": ""}})
    for node in range(count)
]
sys.exit(max(copy.wait() for copy in copies))
"""


@pytest.fixture
def script(places, tmp_path):
    """Run the script on the task's files."""

    def run(settings: dict, *more: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess:
        command = [warm.python(), str(SCRIPTS / "train_student.py"), "--settings", json.dumps(settings)]
        for name in ("classes.json", "statistics.json", "work"):
            command += [f"--{name.partition('.')[0]}", str(tmp_path / name)]
        command += ["--places", json.dumps(places)]
        command += ["--output", str(tmp_path / "student" / "student.json"), *more]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": path}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    return run


def test_the_script_trains_in_two_processes_and_tells_mistakes_in_one_line(script, tmp_path):
    done = script(
        {**SETTINGS, "training": {"time_mask": 9, "epochs": 1, "batch_size": 2}}, "--processes", "2"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "student" / "student.json").read_text())
    assert found["processes"] == 2
    assert found["clips"]["drawn"] == found["clips"]["train"]

    done = script({**SETTINGS, "lambda": 1.0, "training": {"epochs": 1, "precision": "fp16"}})
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1] == "error: training.precision: fp16 needs a GPU; use bf16 or no on a CPU"
    )


def test_the_script_trains_on_two_nodes_that_srun_reaches(script, tmp_path):
    """A stand-in for srun starts both copies here, each told that it is another node."""
    settings = {**SETTINGS, "training": {"time_mask": 9, "epochs": 1, "batch_size": 2}}
    (tmp_path / "bin").mkdir()
    srun = tmp_path / "bin" / "srun"
    srun.write_text(SRUN.format(python=sys.executable, started=warm.python()))
    srun.chmod(0o755)
    done = script(settings, "--nodes", "2", path=f"{srun.parent}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "student" / "student.json").read_text())
    assert found["processes"] == 2
    assert found["clips"]["drawn"] == found["clips"]["train"]

    done = script(settings, "--nodes", "2", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: nodes=2: there is no srun here")


def test_a_fold_is_taught_on_clips_of_every_split():
    class Settings:
        kd = {"student": "s", "teachers": ["t"], "lambda": 0.1, "train_r": "0", "baseline": None}
        entries = {
            "recipes": {"kd": kd},
            "students": {"s": {"init": {"from": "random"}}},
            "teachers": {"t": {"kind": "table", "options": {"path": "t.npy"}}},
        }

        def of(self, kind: type) -> object:
            return kind()

        def each(self, kind: type) -> dict:
            (section,) = [name for name in self.entries if name == f"{kind.__name__.lower()}s"]
            return {
                name: kind.model_validate({"title": "x", **entry})
                for name, entry in self.entries[section].items()
            }

        def one(self, kind: type, name: str) -> object:
            return self.each(kind)[name]

        def task(self, name: str) -> Task:
            data = {"source": {"kind": "folder", "root": "x"}}
            return Task.read({"title": "x", "data": data}, "task")

    assert recipe.taught(Settings(), "x", "kd", "all") == [("t", "train")]
    assert recipe.taught(Settings(), "x", "kd", "1") == [("t", "train"), ("t", "test")]
