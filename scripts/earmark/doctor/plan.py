"""The jobs behind what is wanted, and which of them are done: from names alone, nothing is run.

Snakemake knows this exactly (`snakemake -n`), but not while one of its jobs asks. A result that is there
counts as done here even if a change of config made it stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earmark.config.settings import Settings
from earmark.doctor.wanted import Cell, Wanted
from earmark.systems.embeddings import request
from earmark.systems.embeddings.probe import request as probing
from earmark.systems.pruning import request as pruning
from earmark.systems.pruning.config import Pruning


@dataclass(frozen=True)
class Job:
    """A job: its rule, what it makes, where its time is noted, and what it works on."""

    rule: str
    outputs: tuple[str, ...]
    benchmark: str
    task: str = ""
    model: str = ""
    split: str = ""
    of: int = 1
    cells: tuple[Cell, ...] = ()
    usual: bool = True
    """Whether it takes about what the demonstration's jobs take, where nothing better is known."""

    @property
    def done(self) -> bool:
        """Whether all it makes is there."""
        return all(Path(path).exists() for path in self.outputs)


def jobs(settings: Settings, wanted: Wanted, more: Iterable[Job] = ()) -> list[Job]:
    """Return every job, and ``more``, each once, in the order of the data."""
    found: dict[tuple[str, ...], Job] = {}
    for job in [*_jobs(settings, wanted), *more]:
        found.setdefault(job.outputs, job)
    return list(found.values())


def _jobs(settings: Settings, wanted: Wanted) -> Iterator[Job]:
    for model, task in wanted.pairs():
        trained = "train" in settings.model(model)
        yield from data(settings, task, ["train", "test"] if trained else ["test"])
        yield from _model(settings, model, task)
        yield from shards(settings, "features", task, "test", f"features/{model}/{task}", model)
    for cell in wanted.cells:
        model, task, method, ratio = cell
        answers, path = pruning.answers(*cell), pruning.path(settings, *cell)
        name = answers.removesuffix(".json")
        yield Job(
            "answer",
            (answers,),
            f"benchmarks/{name.replace('answers', 'answer', 1)}.tsv",
            task,
            model,
            "test",
            1,
            (cell,),
        )
        name = path.removeprefix("results/").removesuffix(".json")
        yield Job("score", (path,), f"benchmarks/score/{name}.tsv", task, model)
    if not wanted.everything:
        return
    for block in settings.of(Pruning).prefill:
        name = f"{block.model}_{block.audio_s}s"
        yield from _model(settings, block.model, "")
        timing = f"results/timing/{name}.json"
        yield Job("prefill", (timing,), f"benchmarks/prefill/{name}.tsv", model=block.model)
    for model, task, stored in request.blocks(settings):
        splits = sorted(settings.task(task)["data"]["segment"])
        yield from data(settings, task, splits)
        yield from _model(settings, model, task)
        folders = [f"embeddings/{model}/{task}/{layer}" for layer in stored.layers]
        for split in splits:
            yield from shards(settings, "embeddings", task, split, folders[0], model)
    for path in probing.targets(settings):
        model, task = path.removeprefix(probing.FOLDER).removesuffix(".json").split("/")
        yield Job("probe", (path,), f"benchmarks/probe/{model}/{task}.tsv", task, model)
    yield Job("summarize", ("results/summary.csv",), "benchmarks/summarize.tsv")
    yield Job("report", ("results/report.html",), "benchmarks/report.tsv")


def data(settings: Settings, task: str, splits: list[str]) -> Iterator[Job]:
    """Yield what makes a task's shards."""
    yield Job("download", (f"data/{task}/recordings.parquet",), f"benchmarks/download/{task}.tsv", task)
    if settings.fetched(task):
        for split in splits:
            yield from shards(settings, "fetch", task, split, f"data/{task}/fetched")
    else:
        yield Job("segment", (f"data/{task}/clips.parquet",), f"benchmarks/segment/{task}.tsv", task)
    for split in splits:
        yield from shards(settings, "pack", task, split, f"data/{task}/shards")


def _model(settings: Settings, model: str, task: str) -> Iterator[Job]:
    """Yield what makes a model's checkpoint."""
    if "train" in settings.model(model):
        path, note = f"models/{model}/{task}/checkpoint.json", f"benchmarks/train/{model}/{task}.tsv"
        yield Job("train", (path,), note, task, model, "train")
    else:
        path, note = f"models/{model}/checkpoint.json", f"benchmarks/checkpoint/{model}.tsv"
        yield Job("checkpoint", (path,), note, model=model)


def shards(
    settings: Settings, rule: str, task: str, split: str, folder: str, model: str = ""
) -> Iterator[Job]:
    """Yield a job per shard of a split."""
    of = settings.task(task)["data"]["shards"][split]
    suffix = {"pack": "tar", "resample": "tar", "fetch": "parquet"}.get(rule, "safetensors")
    notes = "/".join(part for part in ("benchmarks", rule, model, task) if part)
    for shard in range(of):
        name = f"{split}-{shard:05d}-of-{of:05d}"
        yield Job(rule, (f"{folder}/{name}.{suffix}",), f"{notes}/{name}.tsv", task, model, split, of)
