"""The whole configuration and the whole task: what is common to all, and what each system adds."""

from __future__ import annotations

from functools import cache
from typing import cast

from pydantic import create_model

from earmark.config.common import Config
from earmark.config.model import Model
from earmark.config.task import Task
from earmark.systems.contract import Entries
from earmark.systems.registry import systems


@cache
def config_model() -> type[Config]:
    """Return the model of config/config.yaml: one class that is :class:`Config` and every system's part."""
    parts = tuple(system.config for system in systems() if system.config is not None)
    return cast(
        type[Config], create_model("Config", __base__=(*reversed(parts), Config), __doc__=Config.__doc__)
    )


@cache
def task_model() -> type[Task]:
    """Return the model of a file of config/tasks/: one class, :class:`Task` and every system's part."""
    parts = tuple(system.task_keys for system in systems() if system.task_keys is not None)
    return cast(type[Task], create_model("Task", __base__=(*reversed(parts), Task), __doc__=Task.__doc__))


@cache
def entries() -> tuple[Entries, ...]:
    """Return the folders of config/ with a YAML file per thing."""
    owned = (each for system in systems() for each in system.entries)
    return (Entries("tasks", task_model()), Entries("models", Model), *owned)
