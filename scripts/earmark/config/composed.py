"""Composed models in the configuration: checked, and cut to what their training reads.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.config.stored import heard_as
from earmark.core.errors import UserError, nearest
from earmark.models.entry import resolved
from earmark.models.families import family
from earmark.systems.contract import Settings

KIND = "composed"
PARTS = {"encoder": "whisper", "decoder": "causal_lm"}
"""The parts, and the family of each."""


def known(settings: Settings, model: str) -> dict[str, Any]:
    """Return all that is known of a model before it is loaded: its entry, its folder, its parts' entries.

    Folders are known of checkpoints that were recorded in the working directory already.
    """
    entry = resolved(settings.model(model), Path(f"models/{model}/checkpoint.json"))
    if "compose" not in entry:
        return entry
    return entry | {"parts": {part: known(settings, entry["compose"][part]) for part in PARTS}}


def check(settings: Settings) -> None:
    """Check that parts and tasks of composed models are there; raises UserError with the nearest name."""
    models, tasks = settings.entries["models"], settings.entries["tasks"]
    for name, entry in models.items():
        where = f"model '{name}'"
        if ("compose" in entry) != (entry["kind"] == KIND):
            raise UserError(f"{where}: kind {KIND} and the key compose go together")
        if "compose" not in entry:
            continue
        where = f"{where}: compose"
        for part, kind in PARTS.items():
            chosen = entry["compose"][part]
            known = [other for other, each in models.items() if each["kind"] == kind]
            if chosen not in known:
                hint = nearest(chosen, known)
                raise UserError(f"{where}.{part}: '{chosen}' is no model of kind {kind}; {hint}")
        for task in entry["compose"]["tasks"]:
            if task not in tasks:
                raise UserError(f"{where}.tasks: unknown task '{task}'; {nearest(task, tasks)}")


def check_answers(settings: Settings, model: str) -> None:
    """Check that a model answers questions; a part of composed models does not: UserError."""
    kind = settings.model(model)["kind"]
    if not family(kind).answers:
        raise UserError(
            f"model '{model}' is a {family(kind).title} alone and answers nothing; name a model composed "
            "of it"
        )


def training(settings: Settings, model: str) -> dict[str, Any]:
    """Return what the training of a composed model reads; UserError where a task has nothing to train on."""
    entry = settings.model(model)
    for task in entry["compose"]["tasks"]:
        # A user's own task may have taken the name: that concerns whoever asks for this model.
        if "train" not in settings.task(task)["data"]["segment"]:
            raise UserError(f"model '{model}': compose.tasks: task '{task}' has no training split")
    return {
        **{key: value for key, value in entry["compose"].items() if key not in (*PARTS, "tasks")},
        "projector": entry["projector"],
        "device": settings.config.device,
        "tasks": [
            settings.asked(task) | {"heard_as": heard_as(settings, model, task)}
            for task in entry["compose"]["tasks"]
        ],
        "kinds": {part: settings.model(entry["compose"][part])["kind"] for part in PARTS},
    }


def heads(settings: Settings, model: str, semantic: str, acoustic: str) -> dict[str, Any]:
    """Return what the calibration of HeadRouter reads; see docs/methods.md."""
    entry = settings.model(model)
    return {
        "tasks": [
            settings.asked(task) | {"heard_as": heard_as(settings, model, task)}
            for task in (semantic, acoustic)
        ],
        "layer": 2,
        "ratio": 0.3,
        "clips": 10,
        "dtype": entry["dtype"],
        "device": settings.config.device,
    }


def massive(settings: Settings, model: str, task: str) -> dict[str, Any]:
    """Return what the search for massive activations reads; see docs/real.md."""
    entry = settings.model(model)
    return {
        "task": settings.asked(task) | {"heard_as": heard_as(settings, model, task)},
        "layers": [2, 6, 12, 20],
        "layer": entry["reduction_layer"],
        "ratio": 0.5,
        "clips": 100,
        "dtype": entry["dtype"],
        "device": settings.config.device,
        "seed": settings.config.seed,
    }
