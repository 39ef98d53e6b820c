"""What the rules ``teacher`` and ``logits`` read of the configuration, and what can be known to be wrong.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import re
from pathlib import Path

from earmark.core.errors import UserError
from earmark.systems.configuration import Settings
from earmark.systems.tagging.config import TaggedTask
from earmark.systems.tagging.entries import Teacher
from earmark.systems.tagging.teachers.asked import Asked, LogitsJob, TeacherJob

_TARGET = re.compile(r"(?:teachers|logits)/([^/]+)/([^/]+)/[^/]+")


def named(settings: Settings, name: str) -> Teacher:
    """Return a teacher; raises UserError with the nearest name."""
    return settings.one(Teacher, name)


def trained(settings: Settings, name: str) -> bool:
    """Whether a teacher is trained on the task it teaches."""
    return "train" in named(settings, name).options.plain()


def check_target(path: str, settings: Settings) -> None:
    """Check the names in a target below ``teachers/`` or ``logits/``, and that the teacher is there."""
    found = _TARGET.fullmatch(path)
    if found is not None:
        check(settings, *found.groups())
        check_reach(settings, found.group(1))


def check(settings: Settings, name: str, task: str) -> None:
    """Check that a teacher can teach a task, as far as the configuration says; raises UserError."""
    entry, tagging = named(settings, name), settings.task_of(TaggedTask, task).tagging
    options, where = entry.options.plain(), f"teacher '{name}' for task '{task}'"
    if tagging is None:
        raise UserError(f"{where}: the task has no tagging section, so there are no classes to teach")
    if trained(settings, name) and tagging.folds:
        raise UserError(
            f"{where}: it is trained on the split 'train', and the task is tested by folds, so it would have "
            "heard the clips of the test; use a teacher with options.path, or a table of logits"
        )
    rate, own = options.get("sample_rate"), settings.task(task).data.sample_rate
    if rate and own < rate and not options["upsample"]:
        raise UserError(f"{where}: {too_low(own, rate, name)}")


def too_low(rate: int, wanted: int, name: str) -> str:
    """Return why a teacher is not given audio of a lower rate than its own, and what to do."""
    return (
        f"the shards' {rate} Hz lack what it hears above {rate // 2} Hz; set data.sample_rate to {wanted}, "
        f"or teachers.{name}.options.upsample to true to let it hear them as they are"
    )


def check_reach(settings: Settings, name: str) -> None:
    """Check that a teacher's local file or folder is there; raises UserError before any job runs."""
    options = settings.each(Teacher)[name].options.plain()
    path = options.get("path")
    if path and not Path(path).expanduser().exists():
        raise UserError(missing(name, path, options.get("source", "")))


def missing(name: str, path: str, source: str = "") -> str:
    """Return the message about a local file that isn't there."""
    get = f"get it from {source}, or " if source else ""
    return f"teacher '{name}': options.path: there is no {path}; {get}set teachers.{name}.options.path"


def making(settings: Settings, name: str, task: str) -> TeacherJob:
    """Return what making a teacher ready for a task reads; raises UserError as :func:`check`."""
    check(settings, name, task)
    entry, asked = settings.each(Teacher)[name], _asked(settings, name, task)
    return TeacherJob(**asked.parts(Asked), seed=settings.config.seed, classes=entry.classes)


def job(settings: Settings, name: str, task: str) -> LogitsJob:
    """Return what computing a shard's logits reads."""
    entry, asked = settings.each(Teacher)[name], _asked(settings, name, task, "train", "source")
    return LogitsJob(
        **asked.parts(Asked),
        storage=entry.storage,
        batch=entry.batch,
        device=settings.config.device,
        source=settings.task(task).data.source.kind,
    )


def _asked(settings: Settings, name: str, task: str, *but: str) -> Asked:
    """Return a teacher for a task, but for some of its options."""
    entry = settings.each(Teacher)[name]
    tagging = settings.task_of(TaggedTask, task).tagging
    assert tagging is not None, f"{task} is checked to be one of tagging"
    return Asked(
        name=name,
        task=task,
        kind=entry.kind,
        labels=[*entry.labels],
        options=entry.options.without(*but),
        frames=tagging.frames,
        tagging=tagging.kind,
    )
