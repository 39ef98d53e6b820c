"""What the training of one student reads of the configuration, and of which files.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.systems.tagging import request
from earmark.systems.tagging.config import Tagging
from earmark.systems.tagging.request import WHOLE, Run, Settings


def job(settings: Settings, task: str, name: str, r: str, run: Run) -> dict[str, Any]:
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
    listed = settings.of(Tagging).tagging.schedules
    teachers = [request.teacher(settings, other) for other in recipe.teachers]
    labels: set[str] = {label for part in (student, *teachers) for label in part.labels}
    if settings.synthetic(task):
        labels.add("synthetic")
    return {
        "task": task,
        "recipe": name,
        "fold": run.fold,
        "train_seed": run.seed,
        "seed": settings.config.seed,
        "tagging": tagging.without("training", "statistics", "classes"),
        "student": {
            "name": recipe.student,
            **student.chosen("sizes", "strides", "init"),
        },
        **recipe.chosen("teachers", "lambda", "tau", "unlabelled_by_teacher", "proportional"),
        "r": r,
        "schedules": {r: listed[r]} if r in listed else {},
        "training": request.training(settings, task, name).to_dict(),
        "labels": sorted(labels),
        "device": settings.config.device,
    }


def taught(settings: Settings, task: str, name: str, fold: str) -> list[tuple[str, str]]:
    """Return (teacher, split) of the logits a training needs; a fold trains on clips of every split."""
    splits = ["train"] if fold == WHOLE else list(settings.task(task).data.segment)
    return [(teacher, split) for teacher in request.recipe(settings, name).teachers for split in splits]


def shards(folder: str | Path, split: str, of: int, suffix: str) -> list[Path]:
    """Return the shards of a split below a folder."""
    return [Path(folder) / f"{split}-{number:05d}-of-{of:05d}.{suffix}" for number in range(of)]
