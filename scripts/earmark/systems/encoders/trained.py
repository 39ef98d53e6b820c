"""A scored encoder is a model: what it is called, what it is made of, and which can be one."""

from __future__ import annotations

from functools import partial

from earmark.config import composed
from earmark.config.model import Model
from earmark.core.errors import UserError
from earmark.systems.configuration import Settings
from earmark.systems.contract import MadeModel
from earmark.systems.encoders import plan as planning
from earmark.systems.encoders import presets, request
from earmark.systems.encoders.blocks import MADE_HERE
from earmark.systems.encoders.entries import Encoder, Suite


def model_name(encoder: str, suite: str) -> str:
    """Return what a trained encoder is called as a model."""
    return f"{encoder}-{suite}"


def pairs(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return every encoder and suite by what they are called together."""
    suites = {*settings.each(Suite), *presets.NAMES}
    return {
        model_name(encoder, suite): (encoder, suite)
        for encoder in settings.each(Encoder)
        for suite in sorted(suites)
    }


def models(settings: Settings) -> dict[str, MadeModel]:
    """Return each model that is trained here."""
    return {
        name: MadeModel(partial(_model, settings, *pair), _named(settings, *pair))
        for name, pair in pairs(settings).items()
    }


def _named(settings: Settings, encoder: str, suite: str) -> list[tuple[str, str]]:
    """Return the things of config that a trained encoder is made of."""
    known = [("suites", suite)] if suite in settings.each(Suite) else []
    return [("encoders", encoder), *known, ("models", planning.suite_of(settings, suite).decoder)]


def _model(settings: Settings, encoder: str, suite: str) -> Model:
    """Return the entry of a trained encoder as a composed model; UserError where it cannot be one."""
    found, chosen = request.encoder_of(settings, encoder), planning.suite_of(settings, suite)
    if found.model is None:
        raise UserError(
            f"encoder '{encoder}' has no checkpoint of its own, so '{model_name(encoder, suite)}' is scored "
            "and asked nothing else; name a model of config/models/ in config/encoders/ for that"
        )
    kind = settings.model(found.model).kind
    if kind not in composed.encoders():
        raise UserError(
            f"'{model_name(encoder, suite)}' is scored and asked nothing else: '{found.model}' is of kind "
            f"{kind}, and encoders of composed models are of {', '.join(composed.encoders())}"
        )
    if chosen.compat != "none":
        raise UserError(f"suite '{suite}' is trained as upstream does (compat), which no other system reads")
    return Model.read(
        {
            "kind": "composed",
            "labels": [label for label in found.labels if label != "synthetic"],
            "projector": chosen.projector.plain() | ({} if kind == "whisper" else {"heard_by": kind}),
            "compose": {"encoder": found.model, "decoder": chosen.decoder, "tasks": [suite]},
            "prompts": _prompts(settings, suite),
        },
        f"encoder '{encoder}'",
    )


def _prompts(settings: Settings, suite: str) -> dict[str, str] | None:
    """Return what a suite asks about the clips of earmark's own tasks, by task."""
    if suite not in settings.each(Suite):
        return None
    found: dict[str, str] = {}
    for source in planning.plan_of(settings, suite).sources:
        tasks = [shard.path.split("/")[1] for shard in source.shards if MADE_HERE.fullmatch(shard.path)]
        found |= dict.fromkeys(tasks, source.prompts[0])
    return found or None
