"""The jobs behind students that tag audio: data, teachers, trainings, predictions, speeds, results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from earmark.config.settings import Settings
from earmark.doctor.plan import Job, data, shards
from earmark.doctor.wanted import Student
from earmark.systems.tagging import recipe as recipes
from earmark.systems.tagging import request, sweep

STUDENT_HZ = 16000


def jobs(settings: Settings, wanted: Sequence[Student]) -> Iterator[Job]:
    """Yield the jobs behind results of students, some more than once, in the order of the data."""
    for task, name, r in wanted:
        recipe = request.recipe(settings, name)
        student = request.student(settings, recipe.student)
        usual = "demo" in student.labels
        yield from _data(settings, task)
        for run in request.runs(settings, task, name):
            for teacher, split in recipes.taught(settings, task, name, run.fold):
                yield from _teacher(settings, task, teacher, split)
            folder = request.folder(settings, task, name, r, run)
            note = folder.replace("students/", "benchmarks/train_student/", 1)
            yield Job("train_student", (f"{folder}/student.json",), f"{note}.tsv", task, usual=usual)
            made = sweep.predictions(task, name, r, run)
            note = f"benchmarks/predict/{made.removeprefix('predictions/')}.tsv"
            yield Job("predict", (f"{made}.json",), note, task, usual=usual)
        timed = sweep.speed(settings, name, task, r)
        note = timed.replace("results/tagging/speed/", "benchmarks/tagging_speed/").replace(".json", ".tsv")
        yield Job("tagging_speed", (timed,), note, task, usual=usual)
        result = request.path(task, name, r)
        yield Job("tagging_result", (result,), f"benchmarks/tagging_result/{task}_{name}_r{r}.tsv", task)


def _data(settings: Settings, task: str) -> Iterator[Job]:
    """Yield what makes a task's spectrograms."""
    splits = sorted(settings.task(task)["data"]["segment"])
    yield from data(settings, task, splits)
    yield Job("classes", (f"data/{task}/classes.json",), f"benchmarks/classes/{task}.tsv", task)
    for split in splits:
        if settings.task(task)["data"]["sample_rate"] != STUDENT_HZ:
            for job in shards(settings, "resample", task, split, f"data/{task}/shards-{STUDENT_HZ}"):
                noted = job.benchmark.replace(f"/{task}/", f"/{task}/{STUDENT_HZ}/")
                yield replace(job, benchmark=noted)
        yield from shards(settings, "fbank", task, split, f"fbank/{task}")
    made = (f"fbank/{task}/statistics.json",)
    yield Job("fbank_statistics", made, f"benchmarks/fbank_statistics/{task}.tsv", task)


def _teacher(settings: Settings, task: str, teacher: str, split: str) -> Iterator[Job]:
    """Yield what makes a teacher's logits of a split."""
    usual = "demo" in request.teacher(settings, teacher).labels
    note = f"benchmarks/teacher/{teacher}/{task}.tsv"
    yield Job("teacher", (f"teachers/{teacher}/{task}/teacher.json",), note, task, usual=usual)
    # Noted by teacher as features are by model.
    for job in shards(settings, "logits", task, split, f"logits/{teacher}/{task}", teacher):
        yield replace(job, model="", usual=usual)
