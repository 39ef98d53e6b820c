"""A packed shard of small sounds at 32 kHz, its classes, and the jobs of the rules run by their scripts."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

import logits
import teacher
from earmark.core.places import SCRIPTS
from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.entries import Teacher
from earmark.systems.tagging.teachers.asked import Asked, LogitsJob, TeacherJob
from earmark.systems.tagging.teachers.store import Logits

NAMES = ("hum", "hiss", "chirp")


def wave(label: str, number: int, seconds: float = 0.5, rate: int = 32000) -> np.ndarray:
    """A hum is low, a chirp high, a hiss everything."""
    rng = np.random.default_rng([number, NAMES.index(label)])
    time = np.arange(round(seconds * rate)) / rate
    low, high = {"hum": (100, 300), "chirp": (2000, 6000), "hiss": (1, 2)}[label]
    tone = np.sin(2 * np.pi * rng.uniform(low, high) * time)
    noise = rng.standard_normal(len(time))
    return (0.2 * (noise if label == "hiss" else tone) + 0.01 * noise).astype(np.float32)


def asked(job: type[Asked], settings: dict) -> str:
    """What one of both rules passes of the settings of a teacher."""
    return json.dumps({key: settings[key] for key in job.model_fields})


@dataclass
class Packed:
    """A shard, its index and its classes in a folder, and a way to run scripts on them."""

    folder: Path
    clips: list[Clip]
    classes: Classes

    @property
    def tar(self) -> Path:
        return self.folder / "train-00000-of-00001.tar"

    @property
    def index(self) -> Path:
        return self.tar.with_suffix(".parquet")

    def settings(self, kind: str = "mobilenet", **options: object) -> dict:
        """The settings of both rules for one teacher, as the workflow would write them."""
        read = Teacher.read({"title": "t", "kind": kind, "options": options}, "teacher 't'")
        return {
            "name": "t",
            "task": "sounds",
            "kind": kind,
            "labels": [],
            "options": read.options.plain(),
            "frames": 50,
            "tagging": self.classes.kind,
            "seed": 0,
            "classes": "task",
            "storage": "float16",
            "batch": 4,
            "device": "cpu",
            "source": "folder",
        }

    def teach(self, settings: dict) -> dict:
        """Do what the rule `teacher` does; return its record."""
        trained = "train" in settings["options"]
        shard, index = ([self.tar], [self.index]) if trained else ([], [])
        teacher.main(
            asked(TeacherJob, settings),
            self.folder / "classes.json",
            self.folder / "teacher/teacher.json",
            self.folder / "work/teacher",
            shard,
            index,
        )
        return json.loads((self.folder / "teacher/teacher.json").read_text())

    def logits(self, settings: dict, output: str = "logits/a.safetensors") -> Logits:
        """Do what the rule `logits` does; return what it stored."""
        given = (
            self.folder / "teacher/teacher.json",
            self.folder / "classes.json",
            asked(LogitsJob, settings),
        )
        path = self.folder / output
        logits.main(self.tar, self.index, *given, path, self.folder / "work/logits")
        return Logits([[path]])

    def logits_command(self, settings: dict, output: str) -> list:
        command = [SCRIPTS / "logits.py", "--shard", self.tar, "--index", self.index]
        command += [
            "--teacher",
            self.folder / "teacher/teacher.json",
            "--classes",
            self.folder / "classes.json",
        ]
        command += ["--settings", asked(LogitsJob, settings), "--output", self.folder / output]
        return [*command, "--work", self.folder / "work/logits"]

    def teacher_command(self, settings: dict) -> list:
        command = [SCRIPTS / "teacher.py", "--settings", asked(TeacherJob, settings)]
        command += ["--classes", self.folder / "classes.json", "--work", self.folder / "work/teacher"]
        command += ["--shard", self.tar, "--index", self.index]
        return [*command, "--output", self.folder / "teacher/teacher.json"]


def patched(command: list, patch: str) -> list[str]:
    """A call of a script with some code run before it, to be slow or to die at a given point."""
    code = (
        "import sys, os, time, runpy; sys.argv = sys.argv[1:];"
        "sys.path.insert(0, sys.argv[0].rpartition('/')[0]);"
        f"{patch}; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return list(map(str, [sys.executable, "-c", code, *command]))


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def packed(folder: Path, count: int = 12, rate: int = 32000, seconds: float = 0.5) -> Packed:
    """Pack `count` sounds, the classes in turn, the last one but one missing from the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for number in range(count):
        label, path = NAMES[number % 3], folder / f"{number}.wav"
        if number != count - 2:
            soundfile.write(path, wave(label, number, seconds, rate), rate, subtype="PCM_16")
        part = Part(str(path), 0.0, seconds)
        clip = Clip(f"clip {number}", [f"source{number}"], [part], seconds, rate, 1, "train", [label])
        clip.key = f"k{number:03d}"
        clips.append(clip)
    found = Packed(folder, clips, Classes(NAMES, ("", "", ""), "multi_label"))
    shards.write(lambda: clips, found.tar, found.index, shards.Form(rate), max_failed_share=0.5)
    found.classes.write(folder / "classes.json")
    return found


@pytest.fixture
def sounds(tmp_path) -> Packed:
    """Twelve sounds, one of them failed."""
    return packed(tmp_path)
