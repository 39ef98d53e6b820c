"""What a result's inputs are made from, as its record keeps it: enough to make them again.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import copy
from typing import Any, Protocol

ORIGINS = ("hub", "path", "random_weights")


class Settings(Protocol):
    """What is read of the whole configuration."""

    @property
    def content(self) -> dict[str, Any]:
        """The completed config."""

    def task(self, name: str) -> dict[str, Any]:
        """Return a task."""

    def model(self, name: str) -> dict[str, Any]:
        """Return a model."""

    def training(self, model: str, task: str) -> dict[str, Any]:
        """Return how a model is trained for a task."""


def upstream(settings: Settings, model: str, task: str) -> dict[str, Any]:
    """Return the data section, the origin of the weights and how features are made.

    Only what the stages before an evaluation read themselves: what changes nothing there must not make
    a result stale.
    """
    data, entry = copy.deepcopy(settings.task(task)["data"]), settings.model(model)
    if "train" in entry:
        weights: dict[str, Any] = {"training": settings.training(model, task)}
    else:
        weights = {key: entry[key] for key in ORIGINS if key in entry}
        if "hub" in weights:
            weights["revision"] = entry["revision"]
        # Shards of the training split are made for none but a model that is trained here.
        data["shards"] = {"test": data["shards"]["test"]}
    return {"data": data, "weights": weights, "features": settings.content["features"]}
