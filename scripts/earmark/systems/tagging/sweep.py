"""What jobs of tagging read of config for predictions and results, and their paths.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.config.files import overlaid
from earmark.systems.tagging import request
from earmark.systems.tagging.asked import (
    Input,
    PredictionJob,
    ResultJob,
    ScoredRecipe,
    ScoredStudent,
    ScoredTask,
    ScoreRun,
)
from earmark.systems.tagging.config import Tagging
from earmark.systems.tagging.request import Run, Settings


def predictions(task: str, name: str, r: str, run: Run) -> str:
    """Return the path of a run's predictions, without the ending."""
    return f"predictions/{task}/{name}/r{r}/{run.name}"


def speed(settings: Settings, name: str, task: str, r: str) -> str:
    """Return the path of the speed record behind a result of a recipe."""
    return f"results/tagging/speed/{task}_{request.recipe(settings, name).student}_r{r}.json"


def timed_together(settings: Settings, task: str, student: str, words: Sequence[str]) -> list[str]:
    """Return the schedules of a student that a command line asks for; if it names none, the grid's."""
    named = [word.removeprefix("./") for word in words]
    results = [cell for word in named if (cell := request.cell_of(word))]
    speeds = [timed for word in named if (timed := request.timed_of(word))]
    asked = results if results or speeds else request.cells(settings)
    found = [
        r for other, name, r in asked if other == task and request.recipe(settings, name).student == student
    ]
    return list(dict.fromkeys([*found, *(r for *whose, r in speeds if whose == [task, student])]))


def prediction(settings: Settings, task: str, name: str, r: str, run: Run) -> PredictionJob:
    """Return everything the prediction of one run reads, and nothing else."""
    return PredictionJob(
        task=task,
        tagging=Input(**request.tagging(settings, task).parts(Input)),
        fold=run.fold,
        train_seed=run.seed,
        proportional=request.recipe(settings, name).proportional,
        batch=settings.of(Tagging).tagging.batch,
        device=settings.config.device,
        r=r,
        schedules=request.listed(settings, r),
    )


def result(settings: Settings, task: str, name: str, r: str) -> ResultJob:
    """Return everything one result reads of the configuration, and nothing else."""
    entry, tagging = settings.task(task), request.tagging(settings, task)
    recipe = request.recipe(settings, name)
    student = request.student(settings, recipe.student)
    teachers = {other: request.teacher(settings, other) for other in recipe.teachers}
    training = overlaid(tagging.training.plain(), recipe.training.plain())
    return ResultJob(
        task=ScoredTask(name=task, title=entry.title, folds=tagging.folds, **tagging.parts(Input)),
        recipe=ScoredRecipe.read({"name": name, **recipe.plain(), "training": training}, f"recipe '{name}'"),
        student=ScoredStudent(**student.parts(ScoredStudent)),
        teachers={other: part.title for other, part in teachers.items()},
        train_r=request.trained_r(settings, name, r),
        r=r,
        schedules=request.listed(settings, r),
        run=ScoreRun(
            seed=settings.config.seed,
            resamples=settings.of(Tagging).tagging.bootstrap,
            # What the data stages let pass need not be allowed a second time.
            max_failed_share=max(settings.config.evaluate.max_failed_share, entry.data.max_failed_share),
            labels=request.labels(settings, task, [student, *teachers.values()]),
        ),
    )
