"""What each job of separation reads of the configuration, and which local files that are no inputs.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from earmark.systems.configuration import Settings
from earmark.systems.separation import asked, request

Places = dict[str, str | None]
"""Local files and folders by their keys in config."""


def labels(settings: Settings, name: str, tasks: list[str]) -> list[str]:
    """Return how what a separator makes of some tasks' recordings is labelled: made data, trained here."""
    trained = request.separator(settings, name).train
    synthetic = [task for task in tasks if settings.synthetic(task)]
    found = {"synthetic"} if synthetic else set()
    if trained is not None:
        found.add("demo" if settings.synthetic(trained.task) else "small")
    return sorted(found)


def separator_job(settings: Settings, name: str) -> asked.Imported | asked.Trained:
    """Return what the making of a separator reads."""
    found = request.separator(settings, name)
    common = asked.Separator(
        separator=name,
        labels=labels(settings, name, []),
        text=_text(settings, name),
        sizes=asked.Sizes.model_validate(found.sizes.plain()),
    ).parts(asked.Separator)
    if found.train is None:
        return asked.Imported(**common, checkpoint=str(found.checkpoint), condition=512)
    return asked.Trained(
        **common,
        task=found.train.task,
        training=asked.Recipe.model_validate(found.train.without("task")),
        seed=settings.config.seed,
        device=settings.config.device,
    )


def trained_on(settings: Settings, name: str) -> str | None:
    """Return the task that a separator is trained on; None if it is read from a checkpoint."""
    train = request.separator(settings, name).train
    return train.task if train else None


def texts_job(settings: Settings, name: str, named: str) -> asked.Texts:
    """Return what a table of texts reads: the encoder, and the set it is of, unless it is a task's labels."""
    mixtures = named.removeprefix(request.OF_SET)
    return asked.Texts(
        text=_text(settings, name),
        mixtures=_set(settings, mixtures) if mixtures != named else None,
        device=settings.config.device,
    )


def partition_job(settings: Settings) -> asked.Partition:
    """Return what the partition reads."""
    return asked.Partition(
        task=request.own(settings).task,
        partition=asked.Grouping.model_validate(request.own(settings).partition.plain()),
        text=_text(settings, request.chosen(settings)),
        seed=settings.config.seed,
        device=settings.config.device,
    )


def adapter_job(settings: Settings, domain: str) -> asked.DomainAdapter | asked.ReadAdapter:
    """Return what the making of a domain's adapter reads."""
    said = request.own(settings).adapter
    adapter = asked.Adapter.model_validate(said.without("files"))
    if domain in said.files:
        return asked.ReadAdapter(domain=domain, adapter=adapter, file=said.files[domain])
    return asked.DomainAdapter(
        domain=domain,
        task=str(request.own(settings).task),
        adapter=adapter,
        training=asked.Recipe.model_validate(request.own(settings).training.plain()),
        seed=settings.config.seed,
        device=settings.config.device,
    )


def scores_job(settings: Settings, name: str, model: str) -> asked.Scores:
    """Return what the scoring of a model on a set reads."""
    said = request.own(settings)
    return asked.Scores(
        set=name,
        model=model,
        mixtures=_set(settings, name),
        likeness="score" in said.routers and said.task is not None,
        chunk_s=said.chunk_s,
        overlap_s=said.overlap_s,
        batch=said.batch,
        temperature=said.temperature if model == request.SOFT else None,
        excerpts=said.excerpts,
        seed=settings.config.seed,
        device=settings.config.device,
    )


def result_job(settings: Settings, name: str, router: str) -> asked.Result:
    """Return what the result of a router on a set reads."""
    said, found = request.own(settings), request.mixtures(settings, name)
    seed = settings.config.seed
    return asked.Result(
        router=router,
        labels=labels(settings, request.chosen(settings), [found.task] if found.layout == "drawn" else []),
        asked=asked.Question(
            task=name,
            model=request.chosen(settings),
            router=router,
            adapter=said.adapter.kind if said.task else "none",
            seed=seed,
            title=found.title,
        ),
        temperature=said.temperature,
        unsure_above=said.unsure_above,
        max_failed_share=said.max_failed_share,
        resamples=settings.config.evaluate.bootstrap,
        seed=seed,
    )


def _text(settings: Settings, name: str) -> asked.Text:
    return asked.Text.model_validate(request.separator(settings, name).text.plain())


def _set(settings: Settings, name: str) -> asked.Set:
    return asked.Set.model_validate(request.mixtures(settings, name).without("title"))


def weight_files(settings: Settings, name: str) -> Places:
    """Return the local file that a separator is read from, if it is."""
    return {"checkpoint": request.separator(settings, name).checkpoint}


def text_files(settings: Settings, name: str) -> Places:
    """Return the local files that a separator's text encoder lies in, if it does."""
    return request.separator(settings, name).text.model_dump(include={"checkpoint", "tokenizer", "path"})


def set_files(settings: Settings, name: str) -> Places:
    """Return the table and the audio of a rendered benchmark, if a set is one."""
    return request.mixtures(settings, name).model_dump(include={"root", "table"})


def adapter_files(settings: Settings, domain: str) -> Places:
    """Return the local file that a domain's adapter is read from, if it is."""
    return {"file": request.own(settings).adapter.files.get(domain)}
