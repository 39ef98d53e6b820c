"""What the training of one student reads of the configuration, and of which files.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from pathlib import Path

from earmark.systems.tagging import request
from earmark.systems.tagging.architecture import Architecture
from earmark.systems.tagging.asked import NamedArchitecture, TrainingJob, TrainingTask
from earmark.systems.tagging.request import WHOLE, Run, Settings


def job(settings: Settings, task: str, name: str, r: str, run: Run) -> TrainingJob:
    """Return everything one training reads, defaults included, and nothing else.

    Args:
        settings: the configuration.
        task: to train on.
        name: of the recipe.
        r: the schedule merged by while training, as in the path of the student.
        run: fold and seed.

    Raises:
        UserError: a name is unknown, or settings contradict each other.

    """
    tagging, recipe = request.tagging(settings, task), request.recipe(settings, name)
    student = request.student(settings, recipe.student)
    request.schedule(settings, r)
    teachers = [request.teacher(settings, other) for other in recipe.teachers]
    return TrainingJob.model_validate(
        {
            "task": task,
            "recipe": name,
            "fold": run.fold,
            "train_seed": run.seed,
            "seed": settings.config.seed,
            "tagging": TrainingTask(**tagging.parts(TrainingTask)),
            "student": NamedArchitecture(name=recipe.student, **student.parts(Architecture)),
            **recipe.chosen("teachers", "lambda", "tau", "unlabelled_by_teacher", "proportional"),
            "r": r,
            "schedules": request.listed(settings, r),
            "training": request.training(settings, task, name),
            "labels": request.labels(settings, task, [student, *teachers]),
            "device": settings.config.device,
        }
    )


def taught(settings: Settings, task: str, name: str, fold: str) -> list[tuple[str, str]]:
    """Return (teacher, split) of the logits a training needs; a fold trains on clips of every split."""
    splits = ["train"] if fold == WHOLE else list(settings.task(task).data.segment)
    return [(teacher, split) for teacher in request.recipe(settings, name).teachers for split in splits]


def shards(folder: str | Path, split: str, of: int, suffix: str) -> list[Path]:
    """Return the shards of a split below a folder."""
    return [Path(folder) / f"{split}-{number:05d}-of-{of:05d}.{suffix}" for number in range(of)]
