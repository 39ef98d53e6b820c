"""Where encoder states lie: computed once per encoder and data, whoever asks what of them.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from earmark.systems.contract import Settings


def encoder_of(settings: Settings, model: str) -> str:
    """Return the model whose encoder states a model is given: its own, or its part's."""
    entry = settings.model(model)
    return str(entry["compose"]["encoder"]) if "compose" in entry else model


def states_folder(settings: Settings, model: str, task: str) -> str:
    """Return the folder of the encoder states that a model is given of a task's clips."""
    return f"features/{encoder_of(settings, model)}/{heard_as(settings, model, task)}"


def heard_as(settings: Settings, model: str, task: str) -> str:
    """Return the task whose clips a model hears for a task: the first by name with the same data.

    A model trained here is another one for every task, and a limit chooses clips by the task's name: both
    hear their own.
    """
    own, tasks = settings.task(task), settings.entries["tasks"]
    if "train" in settings.model(model) or own["sample_limit"] is not None:
        return task
    same = (name for name, other in tasks.items() if other["data"] == own["data"])
    return min(name for name in same if tasks[name]["sample_limit"] is None)
