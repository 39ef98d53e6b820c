"""Where encoder states lie, and of which clips: computed once per encoder and data, whoever asks.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from earmark.config.asked import Asked, Choice, Heard, Limits
from earmark.models.encoding import Encoding
from earmark.scoring import catalogue
from earmark.systems.configuration import Settings


def encoder_of(settings: Settings, model: str) -> str:
    """Return the model whose encoder states a model is given: its own, or its part's."""
    entry = settings.model(model)
    return entry.compose.encoder if entry.compose is not None else model


def states_folder(settings: Settings, model: str, task: str) -> str:
    """Return the folder of the encoder states that a model is given of a task's clips."""
    return f"features/{encoder_of(settings, model)}/{heard_as(settings, model, task)}"


def heard_as(settings: Settings, model: str, task: str) -> str:
    """Return the task whose clips a model hears for a task: the first by name with the same data.

    A model trained here is another one for every task, and a limit chooses clips by the task's name: both
    hear their own.
    """
    if settings.model(model).train is not None or settings.task(task).sample_limit is not None:
        return task
    return settings.heard_as[task]


def heard(settings: Settings, model: str, task: str) -> Heard:
    """Return how a task is asked, and whose clips a model hears for it."""
    asked = settings.asked(task)
    return Heard(**asked.parts(Asked), heard_as=heard_as(settings, model, task))


def choice(settings: Settings, task: str) -> Choice:
    """Return what decides which clips of the test split a task asks, besides the seed."""
    asked = settings.asked(task)
    # Where every clip is asked, it does not matter by what they would be balanced: `classes` and `letters`
    # score the same answers.
    chosen = asked.balanced or asked.sample_limit is not None
    return Choice(
        name=task,
        balanced_by=catalogue.of_answers(asked.metric).balanced_by if chosen else "label",
        **asked.parts(Limits),
    )


def encoding(settings: Settings, model: str, task: str, split: str) -> Encoding:
    """Return what encoding a split reads; where only some clips are encoded, which."""
    chosen = choice(settings, task) if limited(settings, task, split) else None
    return settings.encoding(model, task, chosen)


def limited(settings: Settings, task: str, split: str) -> bool:
    """Say whether only some clips of a split are encoded: those that a sample_limit chooses to be asked."""
    return split == "test" and settings.task(task).sample_limit is not None
