"""Composed models in the configuration: checked, and cut to what their training reads.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from earmark.config.compose import Composing, Kinds, Learning
from earmark.config.stored import heard
from earmark.core.errors import UserError, nearest
from earmark.models.families import family, names
from earmark.models.outline import Outline, resolved
from earmark.systems.configuration import Settings

KIND = "composed"
DECODER = "causal_lm"
"""The family of decoders."""


def encoders() -> list[str]:
    """Return the families that a model can hear by: those that answer nothing, but for the decoders'."""
    return [name for name in names() if name != DECODER and not family(name).answers]


def known(settings: Settings, model: str) -> Outline:
    """Return all that is known of a model before it is loaded: of itself, its folder, its parts.

    Folders are known of checkpoints that were recorded in the working directory already.
    """
    entry = settings.model(model)
    found = resolved(Outline.of(entry), Path(f"models/{model}/checkpoint.json"))
    if entry.compose is None:
        return found
    parts = (known(settings, entry.compose.encoder), known(settings, entry.compose.decoder))
    return replace(found, parts=parts)


def check(settings: Settings) -> None:
    """Check that parts and tasks of composed models are there; raises UserError with the nearest name."""
    models, tasks = settings.models, settings.tasks
    for name, entry in models.items():
        where = f"model '{name}'"
        if (entry.compose is not None) != (entry.kind == KIND):
            raise UserError(f"{where}: kind {KIND} and the key compose go together")
        if entry.compose is None:
            continue
        where = f"{where}: compose"
        heard_by = entry.projector.encoder
        if heard_by not in encoders():
            hint = nearest(heard_by, encoders())
            raise UserError(f"model '{name}': projector.heard_by: '{heard_by}' is no kind of encoder; {hint}")
        for part, kind in (("encoder", heard_by), ("decoder", DECODER)):
            chosen = getattr(entry.compose, part)
            known = [other for other, each in models.items() if each.kind == kind]
            if chosen not in known:
                hint = nearest(chosen, known)
                raise UserError(f"{where}.{part}: '{chosen}' is no model of kind {kind}; {hint}")
        for key, named in (("tasks", entry.compose.tasks), ("ask", entry.compose.ask or [])):
            for task in named:
                if task not in tasks:
                    raise UserError(f"{where}.{key}: unknown task '{task}'; {nearest(task, tasks)}")


def check_answers(settings: Settings, model: str) -> None:
    """Check that a model answers questions; a part of composed models does not: UserError."""
    kind = settings.model(model).kind
    if not family(kind).answers:
        raise UserError(
            f"model '{model}' is a {family(kind).title} alone and answers nothing; name a model composed "
            "of it"
        )


def training(settings: Settings, model: str) -> Composing:
    """Return what the training of a composed model reads; UserError where a task has nothing to train on."""
    entry = settings.model(model)
    assert entry.compose is not None, f"{model} is not composed"
    for task in entry.compose.heard:
        # A user's own task may have taken the name: that concerns whoever asks for this model.
        if "train" not in settings.task(task).data.segment:
            raise UserError(f"model '{model}': compose: task '{task}' has no training split")
    return Composing(
        **entry.compose.parts(Learning),
        projector=entry.projector,
        device=settings.config.device,
        tasks=[heard(settings, model, task) for task in entry.compose.tasks],
        ask=[heard(settings, model, task) for task in entry.compose.ask or []] or None,
        kinds=Kinds(
            encoder=settings.model(entry.compose.encoder).kind,
            decoder=settings.model(entry.compose.decoder).kind,
        ),
    )
