"""What is probed: every block of embeddings with one vector per clip, cut to what a job reads.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from earmark.core.errors import UserError, nearest
from earmark.systems.configuration import Settings
from earmark.systems.contract import Behind
from earmark.systems.embeddings import request
from earmark.systems.embeddings.config import STATES_FOLDER, Block
from earmark.systems.embeddings.probe.asked import Probe

MAP_POINTS = 1000
FOLDER = "results/embeddings/"


def targets(settings: Settings) -> list[str]:
    """Return the paths of the probes of all embeddings with one vector per clip."""
    return [
        f"{FOLDER}{model}/{task}.json"
        for model, task, block in request.blocks(settings)
        if block.pooling != "none" and block.probe
    ]


def block_of(settings: Settings, model: str, task: str) -> Block:
    """Return the block of embeddings that a probe reads.

    Raises:
        UserError: there is none, or it holds a state per frame.

    """
    settings.model(model)
    settings.task(task)
    found = {(m, t): block for m, t, block in request.blocks(settings)}
    if (model, task) not in found:
        names = [f"{m}/{t}" for m, t in found]
        raise UserError(
            f"config: embeddings has no block for {model}/{task}; {nearest(f'{model}/{task}', names)}"
        )
    block = found[model, task]
    if block.pooling == "none":
        raise UserError(
            f"config: embeddings: those of {model}/{task} are per frame; a probe needs one vector per "
            "clip: set pooling to mean, last or masked_mean"
        )
    return block


def files(settings: Settings, model: str, task: str) -> list[str]:
    """Return the files of vectors that a probe reads, of every layer."""
    layers = block_of(settings, model, task).layers
    states = [path for layer in layers for path in request.paths(settings, model, task, layer)]
    return [path.replace(f"/{STATES_FOLDER}/", "/").replace(".safetensors", ".parquet") for path in states]


def job(settings: Settings, model: str, task: str) -> Probe:
    """Return everything the probe of a task's embeddings reads, and nothing else."""
    block = block_of(settings, model, task)
    labels = {*settings.model(model).labels, *(["synthetic"] if settings.synthetic(task) else [])}
    return Probe(
        model=model,
        dataset=task,
        labels=sorted(labels),
        pooling=block.pooling,
        span=block.span,
        shards=settings.task(task).data.counts,
        seed=settings.config.seed,
        map_points=MAP_POINTS,
    )


def check_any_target(path: str, settings: Settings) -> None:
    """Check the names in a target of stored layers, descriptions or probes; raises UserError."""
    request.check_target(path, settings)
    check_target(path, settings)


def check_target(path: str, settings: Settings) -> None:
    """Check the names in a target below ``results/embeddings/``.

    Raises:
        UserError: a model or task is unknown, has no embeddings, or has them per frame.

    """
    names = path.removeprefix(FOLDER).removesuffix(".json").split("/")
    if path.startswith(FOLDER) and path.endswith(".json") and len(names) == 2:
        block_of(settings, *names)


def behind(path: str, settings: Settings) -> Behind:
    """Return what a probe needs of the configuration: the block of its model and task, and both."""
    model, task = path.removeprefix(FOLDER).removesuffix(".json").split("/")
    block = block_of(settings, model, task).plain() | {"model": model, "tasks": [task]}
    return Behind({"tasks": [task], "models": [model]}, {"embeddings": [block]})
