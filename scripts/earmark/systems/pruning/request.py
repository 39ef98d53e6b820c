"""The grid, ``methods`` and ``prefill`` of the configuration: checked, and cut to what a job reads.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from earmark.config import method_options
from earmark.config.asked import Answering, Asked, Prompt, Question, Scoring, Titled
from earmark.config.methods import methods as known
from earmark.config.ratio import budget, spelled
from earmark.config.stored import choice, states_folder
from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.models.outline import Outline, sizes_of
from earmark.scoring import catalogue
from earmark.systems.configuration import Settings
from earmark.systems.pruning.asked import (
    Budgeted,
    Method,
    Model,
    Prefill,
    Run,
    Scored,
    ScoreRun,
    Scores,
    Task,
    TimedModel,
)
from earmark.systems.pruning.asked import Settings as CellSettings
from earmark.systems.pruning.config import Pruning, Variant

BASE = "base"
TIMING = "timing"
"""The folder below results/ of prefill timings."""

WRONG_ANSWERS = "results/wrong_answers.parquet"
"""What was answered wrongly, to look at and listen to on the page."""

HEADS = "heads/"
"""The folder of profiles of attention heads."""

Cell = tuple[str, str, str, str]
"""Model, task, method, ratio."""

MEASURED = ("prefill_s", "base_s", "select_s", "speedup", "speedup_low", "speedup_high")
"""What a point of a timing says of the machine."""


def methods(settings: Settings) -> list[str]:
    """Return every method name: the reducers' files and the variants of config."""
    return sorted(set(known()) | set(settings.of(Pruning).methods))


def method(settings: Settings, name: str, usual: int) -> Method:
    """Return a method, before layer ``usual`` where nothing says another; UserError with the nearest name."""
    if name not in known() and name not in settings.of(Pruning).methods:
        raise UserError(f"unknown method '{name}'; {nearest(name, methods(settings))}")
    entry = settings.of(Pruning).methods.get(name, Variant())
    reducer = entry.reducer or name
    found = method_options.named(f"config: methods.{name}.reducer", reducer)
    # A cache method compresses every layer.
    of_cache = found.kind == "cache"
    usual = usual if found.acts_at is None else found.acts_at
    if of_cache and entry.layer is not None:
        raise UserError(f"config: methods.{name}.layer: {reducer} compresses every layer; leave layer out")
    method_options.check_options(f"config: methods.{name}.options", found, entry.options)
    return Method(
        name=name,
        reducer=reducer,
        kind=found.kind,
        layer=0 if of_cache else usual if entry.layer is None else entry.layer,
        options=entry.options,
        reference=entry.reference,
        renumber=entry.renumber,
    )


def cells(settings: Settings) -> Iterator[Cell]:
    """Yield (model, task, method, ratio) of the grid, the base of every task and model first."""
    seen = set()
    for block in settings.of(Pruning).grid:
        for model in block.models or [settings.config.default_model]:
            for task in block.tasks:
                wanted = [(model, task, BASE, "1.0")]
                wanted += [
                    (model, task, m, spelled(r)) for m in block.methods for r in block.ratios if m != BASE
                ]
                for each in wanted:
                    if each not in seen:
                        seen.add(each)
                        yield each


def profile(settings: Settings, model: str, name: str) -> list[str]:
    """Return the profile of heads that a method reads, if the workflow makes it: one below heads/."""
    file = method(settings, name, settings.model(model).reduction_layer).options.get("profile")
    return [file] if isinstance(file, str) and file.startswith(HEADS) else []


def check_cell(settings: Settings, model: str, task: str, name: str, ratio: str) -> None:
    """Check the names and the ratio of one result; raises UserError."""
    settings.task(task)
    settings.check_answers(model)
    reducer = method(settings, name, settings.model(model).reduction_layer).reducer
    check_layer(settings, model, name)
    budget(ratio)
    if reducer == BASE and ratio != "1.0":
        raise UserError(f"method '{name}' keeps everything: its only ratio is 1.0, not {ratio}")


def check_layer(settings: Settings, model: str, name: str) -> None:
    """Check that a model has the layer a method prunes before, where its depth is known without weights.

    Raises:
        UserError: names the key that says the layer, and the last layer there is.

    """
    entry = settings.model(model)
    asked = method(settings, name, entry.reduction_layer)
    sizes = sizes_of(Outline.of(entry))
    if asked.reducer == BASE or sizes is None or asked.layer < sizes.layers:
        return
    variant = settings.of(Pruning).methods.get(name, Variant())
    key = f"models.{model}.reduction_layer" if variant.layer is None else f"methods.{name}.layer"
    raise UserError(
        f"config: {key}: there is no layer {asked.layer}: the decoder of '{model}' has {sizes.layers} "
        f"layers; use 0 to {sizes.layers - 1}"
    )


def path(settings: Settings, model: str, task: str, name: str, ratio: str) -> str:
    """Return the result's path."""
    folder = "" if model == settings.config.default_model else f"{model}/"
    return f"results/{folder}{task}_{name}_{ratio}.json"


def answers(model: str, task: str, name: str, ratio: str) -> str:
    """Return the path of the record of what a model answered; the answers lie beside it."""
    return f"answers/{model}/{task}_{name}_{ratio}.json"


def cell(settings: Settings, model: str, task: str, name: str, ratio: str) -> CellSettings:
    """Return everything that answering one cell reads, and nothing else: not how answers are scored."""
    asked, entry, config = settings.asked(task), settings.model(model), settings.config
    chosen, (keep_ratio, keep_tokens) = choice(settings, task), budget(ratio)
    return CellSettings(
        task=Task(
            **chosen.parts(type(chosen)),
            **(asked.parts(Question, Answering) | {"prompt": _prompt(asked, entry.prompts or {})}),
            answers=catalogue.of_answers(asked.metric).answers,
        ),
        model=Model.of(model, entry),
        method=Budgeted(
            **method(settings, name, entry.reduction_layer).parts(Method),
            keep_ratio=keep_ratio,
            keep_tokens=keep_tokens,
        ),
        run=Run(
            batch_audio_s=config.evaluate.batch_audio_s,
            warm_up=config.evaluate.warm_up,
            seed=config.seed,
            device=config.device,
        ),
    )


def _prompt(asked: Asked, trained: Mapping[str, str]) -> Prompt:
    """Return the words around the audio: the task's, or those that the model was trained on for it."""
    own = asked.prompt
    if asked.name not in trained or "{options}" in own.template:
        return own
    words = trained[asked.name].replace("{", "{{").replace("}", "}}")
    return own.model_copy(update={"template": words})


def scoring(settings: Settings, model: str, task: str) -> Scores:
    """Return everything that scoring answers to a task reads."""
    asked, evaluate = settings.asked(task), settings.config.evaluate
    labels = {*settings.model(model).labels, *(["synthetic"] if settings.synthetic(task) else [])}
    return Scores(
        task=Scored(**asked.parts(Scoring, Titled), profile=asked.profile),
        run=ScoreRun(
            bootstrap=evaluate.bootstrap,
            max_failed_share=evaluate.max_failed_share,
            seed=settings.config.seed,
        ),
        labels=sorted(labels),
    )


def prefill(settings: Settings, model: str, seconds: int) -> Prefill:
    """Return what a prefill timing reads; raises UserError if config has none of that name."""
    entry = settings.model(model)
    for block in settings.of(Pruning).prefill:
        if (block.model, block.audio_s) == (model, seconds):
            return Prefill(
                model=TimedModel.of(model, entry),
                methods=[method(settings, name, entry.reduction_layer) for name in block.methods],
                ratios=block.ratios,
                audio_s=seconds,
                repeats=block.repeats,
                alone=block.alone,
                seed=settings.config.seed,
                device=settings.config.device,
            )
    raise UserError(f"config: prefill has no entry for model '{model}' at {seconds} s")


def files(settings: Settings, name: str) -> list[str]:
    """Return the files below scripts/ that a method runs; raises UserError as :func:`method`."""
    entry = method(settings, name, 0)  # before whatever layer
    return method_options.files(entry.reducer, entry.options)


def check(settings: Settings) -> None:
    """Check every method, every cell of the grid and every timing; raises UserError."""
    checked: set[tuple[str, ...]] = set()
    for model, task, name, ratio in cells(settings):
        # What is checked are these, and a grid of thousands of cells has a few dozen of them.
        parts = {(task,), (model, name), (name, ratio)}
        if parts <= checked:
            continue
        try:
            check_cell(settings, model, task, name, ratio)
        except UserError as error:
            raise UserError(f"config: grid: {error}") from None
        checked |= parts
    for block in settings.of(Pruning).prefill:
        for name in block.methods:
            method(settings, name, settings.model(block.model).reduction_layer)
            check_layer(settings, block.model, name)
    for name in settings.of(Pruning).methods:
        method(settings, name, 0)  # before whatever layer


def variants(settings: Settings, names: Sequence[str]) -> Json:
    """Return those of some methods that config names."""
    known = settings.of(Pruning).methods
    return {name: known[name].plain() for name in names if name in known}


def results(settings: Settings) -> list[str]:
    """Return the results that config asks for: the grid's, and prefill timings."""
    timings = [f"results/{TIMING}/{b.model}_{b.audio_s}s.json" for b in settings.of(Pruning).prefill]
    return [path(settings, *each) for each in cells(settings)] + timings


def sounds(settings: Settings) -> Iterator[str]:
    """Yield the packed test shards of the grid's tasks that the page's sound is cut from.

    A shard that was removed once its features were made is left out: it isn't packed again for a few seconds
    of sound.
    """
    wanted = settings.config.report
    if not (wanted.audio_mb and wanted.wrong_answers):
        return
    for task in sorted({task for _, task, _, _ in cells(settings)}):
        of = settings.task(task).data.shards.test
        model = min(model for model, other, _, _ in cells(settings) if other == task)
        states = states_folder(settings, model, task)
        for shard in range(of):
            name = f"test-{shard:05d}-of-{of:05d}"
            tar = f"data/{task}/shards/{name}.tar"
            if Path(tar).exists() or not Path(f"{states}/{name}.parquet").exists():
                yield tar
