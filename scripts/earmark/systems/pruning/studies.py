"""What the studies beside the grid's cells read: all methods side by side, their speed, heads, sinks.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from earmark.config.ratio import budget
from earmark.config.stored import heard
from earmark.core.errors import UserError
from earmark.systems.configuration import Settings
from earmark.systems.pruning import request
from earmark.systems.pruning.asked import Heads, Massive, SideBySide, Speeds
from earmark.systems.pruning.config import Pruning

JOINED_S = 30.0
"""Seconds of the prompts that are timed: clips joined, as choosing and the prefill grow with the length."""

PROMPTS = 6
"""That are timed: all of them on one side of the true median has a chance of 1 in 32."""


def side_by_side(settings: Settings) -> SideBySide:
    """Return the grid's results, its timings, and as which model each counts: the first of its block."""
    return SideBySide(
        results=[request.path(settings, *cell) for cell in request.cells(settings)],
        speeds=speed_paths(settings),
        together=_together(settings),
    )


def _together(settings: Settings) -> dict[str, str]:
    """Return of each model of the grid the name under which it counts."""
    blocks = settings.of(Pruning).grid
    models = [block.models or [settings.config.default_model] for block in blocks]
    return {model: group[0] for group in reversed(models) for model in group}


def speed_paths(settings: Settings) -> list[str]:
    """Return the timings behind the comparison: one of each task, with the model that the others count as."""
    first = _together(settings)
    named = ((first[model], task) for model, task, _, _ in request.cells(settings))
    return [f"speeds/{model}/{task}.json" for model, task in dict.fromkeys(named)]


def speeds(settings: Settings, model: str, task: str) -> Speeds:
    """Return what timing the grid's methods on a task reads; UserError if the grid doesn't ask that."""
    first = _together(settings)
    own = [c for c in request.cells(settings) if (first[c[0]], c[1]) == (first.get(model, model), task)]
    if not own:
        raise UserError(f"config: grid: asks '{model}' nothing about '{task}', so there is nothing to time")
    whole = request.cell(settings, model, task, request.BASE, "1.0")
    usual = settings.model(model).reduction_layer
    names = dict.fromkeys(name for _, _, name, _ in own if name != request.BASE)
    ratios = {budget(ratio)[0] for _, _, name, ratio in own if name != request.BASE}
    return Speeds(
        cell=whole,
        methods=[request.method(settings, name, usual) for name in names],
        ratios=sorted((ratio for ratio in ratios if ratio is not None), reverse=True),
        audio_s=JOINED_S,
        prompts=PROMPTS,
    )


def heads(settings: Settings, model: str, semantic: str, acoustic: str) -> Heads:
    """Return what the calibration of HeadRouter reads; see docs/methods.md."""
    return Heads(
        tasks=[heard(settings, model, task) for task in (semantic, acoustic)],
        layer=2,
        ratio=0.3,
        clips=10,
        dtype=settings.model(model).dtype,
        device=settings.config.device,
    )


def massive(settings: Settings, model: str, task: str) -> Massive:
    """Return what the search for massive activations reads; see docs/real.md."""
    entry = settings.model(model)
    return Massive(
        task=heard(settings, model, task),
        layers=[2, 6, 12, 20],
        layer=entry.reduction_layer,
        ratio=0.5,
        clips=100,
        dtype=entry.dtype,
        device=settings.config.device,
        seed=settings.config.seed,
    )
