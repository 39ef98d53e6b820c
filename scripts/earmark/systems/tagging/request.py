"""The ``tagging`` section of the configuration: checked, cut to what a job reads, and the paths it names.

A *run* is one training of a recipe on a task: a fold (``all`` where the task has none) and a seed. Imported
when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from earmark.config.files import overlaid
from earmark.core.errors import UserError, nearest
from earmark.merging.schedule import Schedule
from earmark.systems.configuration import Settings
from earmark.systems.contract import Behind
from earmark.systems.tagging.architecture import Shape
from earmark.systems.tagging.asked import ClassesJob, SpeedJob, StatisticsJob, TimedStudent
from earmark.systems.tagging.config import TaggedTask, Tagging, TaskTagging
from earmark.systems.tagging.entries import Labelled, Recipe, Student, Teacher
from earmark.systems.tagging.settings import Training
from earmark.systems.tagging.teachers import request as teachers

T = TypeVar("T")
WHOLE = "all"
"""The fold of tasks that have none."""

_RESULT = re.compile(
    r"results/tagging/([a-z][a-z0-9_]*)_([a-z][a-z0-9-]*)_r([a-z0-9-]+)(?:\.jsonl?|\.resamples\.parquet)"
)

_SPEED = re.compile(r"results/tagging/speed/([a-z][a-z0-9_]*)_([a-z][a-z0-9-]*)_r([a-z0-9-]+)\.json")


@dataclass(frozen=True)
class Run:
    """One training: the fold that is tested on, and the seed."""

    fold: str
    seed: int

    @property
    def name(self) -> str:
        """What files of this run are called."""
        return f"{self.fold}-{self.seed}"


def tagging(settings: Settings, task: str) -> TaskTagging:
    """Return a task's tagging section; raises UserError for a task that isn't one of tagging."""
    entry = settings.task_of(TaggedTask, task).tagging
    if entry is None:
        known = [name for name in settings.tasks if settings.task_of(TaggedTask, name).tagging is not None]
        raise UserError(f"task '{task}' has no tagging section; {nearest(task, known)}")
    return entry


def recipe(settings: Settings, name: str) -> Recipe:
    """Return a recipe; raises UserError with the nearest name, or if it contradicts itself."""
    entry = settings.one(Recipe, name)
    where = f"recipe '{name}'"
    student(settings, entry.student)
    for other in entry.teachers:
        teacher(settings, other)
    if entry.weight < 1 and not entry.teachers:
        raise UserError(f"{where}: lambda {entry.weight:g} learns from teachers, and teachers names none")
    if entry.weight == 1 and entry.teachers:
        raise UserError(f"{where}: lambda 1 learns from labels alone; leave teachers out or lower lambda")
    if entry.train_r != "same":
        schedule(settings, entry.train_r)
    return entry


def training(settings: Settings, task: str, name: str) -> Training:
    """Return how a recipe trains on a task; raises UserError for settings that contradict each other."""
    entry = tagging(settings, task)
    values = overlaid(entry.training.plain(), recipe(settings, name).training.plain())
    where = f"recipe '{name}' on task '{task}': training"
    return Training.read(values, where).fitted(entry.kind, entry.frames, where)


def classes(settings: Settings, task: str) -> ClassesJob:
    """Return what listing a task's classes reads."""
    return ClassesJob(**tagging(settings, task).parts(ClassesJob))


def statistics(settings: Settings, task: str) -> StatisticsJob:
    """Return what computing the statistics of a task's spectrograms reads."""
    return StatisticsJob(**tagging(settings, task).parts(StatisticsJob))


def student(settings: Settings, name: str) -> Student:
    """Return a student; raises UserError with the nearest name."""
    return settings.one(Student, name)


def teacher(settings: Settings, name: str) -> Teacher:
    """Return a teacher; raises UserError with the nearest name."""
    return teachers.named(settings, name)


def schedule(settings: Settings, name: str) -> Schedule:
    """Return a merging schedule; raises UserError if there is none of that name."""
    return Schedule.parse(name, settings.of(Tagging).tagging.schedules)


def runs(settings: Settings, task: str, name: str) -> list[Run]:
    """Return the trainings behind a result."""
    folds = tagging(settings, task).folds or [WHOLE]
    return [Run(fold, seed) for fold in folds for seed in recipe(settings, name).seeds]


def labels(settings: Settings, task: str, parts: Iterable[Labelled]) -> list[str]:
    """Return what a result made of some students and teachers is to be told apart by."""
    found: set[str] = {label for part in parts for label in part.labels}
    return sorted(found | ({"synthetic"} if settings.synthetic(task) else set()))


def trained_r(settings: Settings, name: str, r: str) -> str:
    """Return the schedule a recipe's student is trained with when it is evaluated with ``r``."""
    asked = recipe(settings, name).train_r
    return r if asked == "same" else asked


def folder(settings: Settings, task: str, name: str, r: str, run: Run) -> str:
    """Return the folder of a trained student."""
    return f"students/{task}/{name}/r{trained_r(settings, name, r)}/{run.name}"


def path(task: str, name: str, r: str) -> str:
    """Return a result's path."""
    return f"results/tagging/{task}_{name}_r{r}.json"


def listed(settings: Settings, r: str) -> dict[str, list[int]]:
    """Return the schedule that config lists under a name, by that name; nothing if it lists none."""
    known = settings.of(Tagging).tagging.schedules
    return {r: known[r]} if r in known else {}


def speed(settings: Settings, task: str, name: str, r: str) -> SpeedJob:
    """Return what a speed measurement of a student reads; raises UserError for an unknown name."""
    entry, how = student(settings, name), settings.of(Tagging).tagging.speed
    schedule(settings, r)
    return SpeedJob(
        task=task,
        frames=tagging(settings, task).frames,
        student=TimedStudent(name=name, labels=[*entry.labels], **entry.parts(Shape)),
        r=r,
        schedules=listed(settings, r),
        batches=how.batches,
        repeats=how.repeats,
        device=settings.config.device,
    )


def merged(r: str | None) -> float | None:
    """Return what a merging schedule is sorted by: 16 of ``16``, ``16d`` or ``16i``; None of a name."""
    number = (r or "").rstrip("di")
    return float(number) if number.isdigit() else None


def cells(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield (task, recipe, r) of the grid; before merged models come the unmerged one and its baseline's."""
    seen: set[tuple[str, str, str]] = set()
    for block in settings.of(Tagging).tagging.grid:
        for task in block.tasks:
            for name in block.recipes:
                baseline = recipe(settings, name).baseline
                wanted = [(task, name, "0"), *([(task, baseline, "0")] if baseline else [])]
                for cell in [*wanted, *((task, name, r) for r in block.r)]:
                    if cell not in seen:
                        seen.add(cell)
                        yield cell


def check(settings: Settings) -> None:
    """Check every recipe and every cell of the grid; raises UserError."""
    for name, entry in settings.each(Recipe).items():
        recipe(settings, name)
        if entry.baseline:
            _named(settings.each(Recipe), f"recipe '{name}': baseline: recipe", entry.baseline)
    for task, name, r in cells(settings):
        check_cell(settings, task, name, r)


def check_cell(settings: Settings, task: str, name: str, r: str) -> None:
    """Check the names of one result; raises UserError."""
    tagging(settings, task)
    for other in recipe(settings, name).teachers:
        teachers.check(settings, other, task)
    training(settings, task, name)
    schedule(settings, r)


def cell_of(path: str) -> tuple[str, str, str] | None:
    """Return (task, recipe, r) of a path of a student's result, None of any other."""
    found = _RESULT.fullmatch(path)
    return (found[1], found[2], found[3]) if found else None


def timed_of(path: str) -> tuple[str, str, str] | None:
    """Return (task, student, r) of a path of a student's speed, None of any other."""
    found = _SPEED.fullmatch(path)
    return (found[1], found[2], found[3]) if found else None


def check_target(path: str, settings: Settings) -> None:
    """Check the names in a target below ``results/tagging/``; raises UserError with the nearest ones."""
    if not path.startswith("results/tagging/"):
        return
    if path.startswith("results/tagging/speed/"):
        timed = _SPEED.fullmatch(path)
        if timed is None:
            raise UserError(f"{path}: speeds are called results/tagging/speed/<task>_<student>_r<r>.json")
        speed(settings, *timed.groups())
        return
    found = _RESULT.fullmatch(path)
    if found is None:
        raise UserError(f"{path}: results are called results/tagging/<task>_<recipe>_r<r>.json")
    task, name, r = found.groups()
    check_cell(settings, task, name, r)
    for other in recipe(settings, name).teachers:
        teachers.check_reach(settings, other)


def behind(path: str, settings: Settings) -> Behind:
    """Return what a result or a speed needs of the configuration."""
    found, timed = _RESULT.fullmatch(path), _SPEED.fullmatch(path)
    sweep = settings.of(Tagging).tagging.plain() | {"grid": []}
    if timed is not None:
        return Behind({"tasks": [timed[1]], "students": [timed[2]]}, {"tagging": sweep})
    assert found is not None, f"{path} is a path of no result"
    return Behind({"tasks": [found[1]], "recipes": [found[2]]}, {"tagging": sweep})


def usual(wildcards: Mapping[str, str], settings: Settings) -> bool:
    """Whether a job is of the demo's students and teachers, whose times are known."""
    known, name = settings.each(Recipe), wildcards.get("recipe", "")
    student_name = wildcards.get("student") or (known[name].student if name in known else None)
    made: list[Student | Teacher] = [student(settings, student_name)] if student_name else []
    made += [teacher(settings, wildcards["teacher"])] if "teacher" in wildcards else []
    return all("demo" in each.labels for each in made)


def check_any_target(path: str, settings: Settings) -> None:
    """Check the names in a target of results, speeds, teachers or logits; raises UserError."""
    check_target(path, settings)
    teachers.check_target(path, settings)


def _named(entries: dict[str, T], kind: str, name: str) -> T:
    if name not in entries:
        raise UserError(f"unknown {kind} '{name}'; {nearest(name, entries)}")
    return entries[name]
