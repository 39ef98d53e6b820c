"""The ``embeddings`` and ``caption`` sections of the configuration: checked, and cut to what a job reads.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from earmark.core.errors import UserError, nearest
from earmark.models.outline import CONFIG_FILE, Outline, sizes_of
from earmark.models.sizes import Depth
from earmark.systems.configuration import Settings
from earmark.systems.embeddings import layers
from earmark.systems.embeddings.asked import CaptionJob, Described, Describing, Embed, Model
from earmark.systems.embeddings.config import STATES_FOLDER, Block, Embeddings, Stored

UNKNOWN = 10**6
"""As many layers as any name may count."""


def blocks(settings: Settings) -> Iterator[tuple[str, str, Block]]:
    """Yield (model, task, block) of everything configured, checked.

    Raises:
        UserError: an unknown model, task or layer, or the same model and task twice.

    """
    seen: set[tuple[str, str]] = set()
    for block in settings.of(Embeddings).embeddings:
        model = block.model or settings.config.default_model
        try:
            entry = settings.model(model)
            wanted = [layers.parse(name) for name in block.layers]
            layers.check(wanted, depth_of(Outline.of(entry)), model)
            for layer in wanted:
                if block.span == "text" and layer.part != "lm":
                    raise UserError(
                        f"layer '{layer.name}' holds audio alone, so span: text leaves nothing of it"
                    )
            for task in block.tasks:
                settings.task(task)
                if (model, task) in seen:
                    raise UserError(
                        f"model '{model}' and task '{task}' stand in two blocks, which would run the model "
                        "twice; list all their layers in one"
                    )
                seen.add((model, task))
                yield model, task, block
        except UserError as error:
            raise UserError(f"config: embeddings: {error}") from None


def check(settings: Settings) -> None:
    """Check everything configured; raises UserError as :func:`blocks`."""
    for _ in blocks(settings):
        pass


def depth_of(model: Outline) -> Depth:
    """Return how deep a model is as far as that is known before its checkpoint is there."""
    found = model.made
    if found is None and model.folder is not None and (model.folder / CONFIG_FILE).is_file():
        found = sizes_of(replace(model, stated=None))
    return Depth(UNKNOWN, UNKNOWN) if found is None else Depth(found.audio_layers, found.layers)


def job(settings: Settings, model: str, task: str, block: Block) -> Embed:
    """Return everything the embedding of one shard reads, and nothing else."""
    return Embed(
        model=Model.of(model, settings.model(model)),
        task=task,
        block=Stored(**block.parts(Stored)),
        batch_audio_s=settings.config.features.batch_audio_s,
        device=settings.config.device,
        source=settings.task(task).data.source.kind,
    )


def paths(settings: Settings, model: str, task: str, layer: str) -> list[str]:
    """Return the shards of one layer of a task, of every split it has."""
    data = settings.task(task).data
    return [
        f"embeddings/{model}/{task}/{layer}/{STATES_FOLDER}/{split}-{shard:05d}-of-{of:05d}.safetensors"
        for split, of in sorted(data.counts.items())
        for shard in range(of)
    ]


def every_path(settings: Settings) -> list[str]:
    """Return every shard of every configured layer."""
    return [
        path
        for model, task, block in blocks(settings)
        for layer in block.layers
        for path in paths(settings, model, task, layer)
    ]


def caption(settings: Settings, model: str, task: str) -> CaptionJob:
    """Return everything the description of a task's clips reads, and nothing else."""
    return CaptionJob(
        model=Describing.of(model, settings.model(model)),
        task=Described(name=task, long_audio=settings.task(task).long_audio),
        caption=settings.of(Embeddings).caption,
        seed=settings.config.seed,
        device=settings.config.device,
    )


def check_target(path: str, settings: Settings) -> None:
    """Check the names in a target below ``embeddings/`` or ``caption/``.

    Raises:
        UserError: a model, task or layer is unknown or not configured; names the nearest.

    """
    folder, *rest = path.split("/")
    if folder == "caption" and len(rest) == 2:
        settings.model(rest[0])
        settings.task(rest[1].rpartition(".")[0])
    if folder != "embeddings" or len(rest) < 3:
        return
    model, task, layer = rest[:3]
    if len(rest) == 4 and rest[3].endswith(".safetensors"):
        raise UserError(
            f"{path}: states lie in {STATES_FOLDER}: {'/'.join([folder, *rest[:3], STATES_FOLDER, rest[3]])}"
        )
    settings.model(model)
    settings.task(task)
    configured = {(m, t): block.layers for m, t, block in blocks(settings)}
    if (model, task) not in configured:
        known = ", ".join(f"{m}/{t}" for m, t in configured)
        raise UserError(
            f"config: embeddings has no block for model '{model}' and task '{task}'; "
            f"there is {known or 'none'}"
        )
    if layer not in configured[model, task]:
        layers.parse(layer)
        raise UserError(
            f"{path}: layer '{layer}' is not among the embeddings of model '{model}' and task '{task}'; "
            f"{nearest(layer, configured[model, task])} Or add it to embeddings in config"
        )
