"""About how long what is wanted will take, and how much disk: rough, and said how rough.

A job's time is what it took here before (``benchmarks/``), else what like jobs took here, else a guess:
operations of a published model at a usual speed, or what the demo's jobs take on a
core. Disk is counted from lengths of audio. Jobs of the same pass share its work.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Literal, cast

from earmark.config import composed
from earmark.config.settings import Settings
from earmark.config.sources import audiomarathon
from earmark.config.values import Split
from earmark.core.files import Json
from earmark.data.audit.cost import BYTES, estimate, parameters
from earmark.doctor import processor
from earmark.doctor.audio import Audio, of_split
from earmark.doctor.entries import Repository, cached
from earmark.doctor.jobs import Job
from earmark.models.families import family
from earmark.models.outline import Outline, costs, sizes_of
from earmark.systems.contract import Effort
from earmark.systems.registry import systems

MEASURED, LIKE, GUESSED = "measured here before", "measured here on like jobs", "guessed"

START_S = 5.0
"""What starting Python and its packages takes, a job."""

EFFORTS = {
    "download": Effort(per_audio_s=0.01),
    "pack": Effort(per_audio_s=0.01),
    "fingerprint": Effort(per_audio_s=0.001),
    "features": Effort(per_audio_s=0.01, runs="encoder"),
    "train": Effort(seconds=350.0, split="train"),
}
"""Of the stages that no system owns."""

GPU_SPEED = 1e14
"""Operations a second that a data-centre GPU makes of a large model."""

READ_SPEED = 0.3e9
"""Bytes of weights a second that are read and hashed, twice over; 9.4 GB took 41 s, 11 of them computing."""

FLAC = 0.6
"""Bytes of FLAC per byte of samples, about."""

MARATHON_BYTES, MARATHON_S = 59e9, 1.16e6
"""AudioMarathon as published: bytes and about how many seconds."""


@dataclass
class Estimate:
    """Seconds and bytes of what is still to be done, and what the numbers rest on."""

    jobs: int
    done: int
    seconds: float = 0.0
    bytes: float = 0.0
    basis: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unknown: list[str] = field(default_factory=list)

    def flat(self) -> Json:
        """Return it as a JSON object."""
        return {
            "jobs": self.jobs,
            "done": self.done,
            "seconds": round(self.seconds),
            "bytes": round(self.bytes),
            "basis": dict(self.basis),
            "unknown": self.unknown,
        }


@dataclass(frozen=True)
class Work:
    """What a job works on, of the configuration's entries."""

    job: Job
    task: str
    model: str
    split: Split | Literal[""]
    usual: bool
    """Whether it takes about what the demo's jobs take, where nothing better is known."""

    effort: Effort

    @classmethod
    def of(cls, settings: Settings, job: Job) -> Work:
        """Read it off a job's wildcards."""
        task, model = job.name("task", settings.tasks), job.name("model", settings.models)
        effort = efforts().get(job.kind, Effort())
        usual = all(system.usual(job.wildcards, settings) for system in systems())
        split = cast(Split | Literal[""], job.wildcards.get("split", effort.split))
        return cls(job, task, model, split, usual, effort)

    @property
    def kind(self) -> str:
        """What kind of work it is."""
        return self.job.kind


def of(settings: Settings, jobs: Sequence[Job], gpu: bool) -> Estimate:
    """Return the estimate for those of ``jobs`` that are not done."""
    todo = [Work.of(settings, job) for job in jobs if not job.done]
    found = Estimate(len(todo), len(jobs) - len(todo))
    audio: dict[tuple[str, str], Audio | None] = {
        (work.task, work.split): of_split(work.task, settings.task(work.task), work.split)
        for work in todo
        if work.task and work.split
    }
    found.unknown = sorted(
        {f"data of {task}, {split}" for (task, split), known in audio.items() if not known}
    )
    unguessed: dict[str, int] = defaultdict(int)
    passes: set[tuple[str, str]] = set()
    for work in todo:
        first = not work.effort.shared or (work.model, work.task) not in passes
        passes.add((work.model, work.task))
        if not work.usual and noted(Path(work.job.benchmark)) is None and not _like(work.job):
            unguessed[work.kind] += 1
            continue
        heard = _asked(settings, work, audio.get((work.task, work.split)))
        seconds, basis = _seconds(settings, work, heard, gpu, first)
        found.seconds += seconds
        found.basis[basis] += 1
        found.bytes += _bytes(settings, work, heard)
    if unguessed:
        named = ", ".join(f"{n} of {rule}" for rule, n in unguessed.items())
        found.unknown.append(f"the time of jobs whose like never ran here: {named}")
    return found


def _asked(settings: Settings, work: Work, audio: Audio | None) -> Audio | None:
    """Return the audio that a job hears: of a task's test clips no more than its sample_limit asks."""
    if audio is None or work.split != "test" or not work.effort.runs:
        return audio
    limit = settings.task(work.task).sample_limit
    return audio if limit is None else replace(audio, clips=min(limit, audio.clips))


def _seconds(
    settings: Settings, work: Work, audio: Audio | None, gpu: bool, first: bool
) -> tuple[float, str]:
    """Return a job's time and what it is known from."""
    own = noted(Path(work.job.benchmark))
    if own is not None:
        return own, MEASURED
    like = _like(work.job)
    if like:
        # A cell that was answered in the pass of another notes next to nothing.
        return (fmean(like) if not work.effort.shared else max(like) if first else min(like)), LIKE
    return _guess(settings, work, audio, gpu, first), GUESSED


def _guess(settings: Settings, work: Work, audio: Audio | None, gpu: bool, first: bool) -> float:
    """Return a time for a job that never ran here."""
    if work.effort.seconds is not None:
        return work.effort.seconds
    share = audio.seconds / work.job.of if audio else 0.0
    model = composed.known(settings, work.model) if work.model else None
    if work.kind == "checkpoint" and model and model.folder and model.folder.is_dir():
        return START_S + sum(path.stat().st_size for path in model.folder.glob("*.safetensors")) / READ_SPEED
    if audio and model and model.made is None and sizes_of(model):
        cost = estimate(costs(model), audio.lengths(), 0)
        speed = GPU_SPEED if gpu else processor.speed(model.dtype)
        # A clip is run once beforehand, untimed.
        warm = 1 + 1 / max(1, cost["clips"])
        if work.effort.runs == "encoder":
            return START_S + cost["encoder_flops"] * warm / speed / work.job.of
        if work.effort.runs == "decoder":
            ratio = work.job.wildcards["ratio"]
            kept = 1.0 if ratio.endswith("t") else float(ratio)
            return START_S + cost["prefill_flops"] * kept * warm / speed
    # The demo's jobs that share a pass start nothing anew.
    return (START_S if first else START_S / 5) + work.effort.per_audio_s * share


@cache
def efforts() -> dict[str, Effort]:
    """Return what jobs take in the demo, by the folder that their time is noted in."""
    return EFFORTS | {kind: effort for system in systems() for kind, effort in system.efforts.items()}


def noted(path: Path) -> float | None:
    """Return the seconds that a benchmark file notes, if there is one."""
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        return fmean(float(row["s"]) for row in rows) if rows else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@cache
def _folder(path: Path) -> tuple[float, ...]:
    return tuple(s for file in sorted(path.rglob("*.tsv")) if (s := noted(file)) is not None)


def _like(job: Job) -> tuple[float, ...]:
    """Return what jobs of the same rule, and the same model if it has one, took here."""
    path = Path(job.benchmark)
    parts = path.parts
    if efforts().get(job.kind, Effort()).shared and (task := job.wildcards.get("task")):
        # Of the same task; the default model's lie beside the folders of others.
        found = (noted(file) for file in sorted(path.parent.glob(f"{task}_*.tsv")))
        return tuple(seconds for seconds in found if seconds is not None)
    return _folder(Path(job.benchmark).parent) if "shard" in job.wildcards or len(parts) > 3 else ()


def _bytes(settings: Settings, work: Work, audio: Audio | None) -> float:
    """Return what a job leaves on the disk."""
    if work.kind == "checkpoint":
        return _checkpoint_bytes(settings, work.model)
    if work.kind == "download":
        return _source_bytes(settings, work.task)
    if audio is None:
        return 0.0
    share = audio.seconds / work.job.of
    if work.kind in ("pack", "fetch"):
        data = settings.task(work.task).data
        rate = data.fetch.sample_rate if work.kind == "fetch" else data.sample_rate
        return float(share * rate * 2 * FLAC)
    if work.kind == "features":
        model = composed.known(settings, work.model)
        sizes = sizes_of(model)
        width = sizes.hidden if sizes else 0
        return share * family(model.kind).audio.tokens_per_second * width * BYTES[model.dtype]
    return 0.0


def _checkpoint_bytes(settings: Settings, model: str) -> float:
    """Return what of a published checkpoint must come down."""
    entry = settings.model(model)
    if entry.hub is None:
        return 0.0
    found = Repository(("models", model), "", entry.hub, entry.revision, "model")
    sizes = sizes_of(Outline.of(entry))
    beside = family(entry.kind).beside
    return 0.0 if cached(found) or sizes is None else 2.0 * (parameters(sizes) + beside)


def _source_bytes(settings: Settings, task: str) -> float:
    """Return what recordings take: rendered here, or fetched from the hub."""
    entry = settings.task(task)
    source = entry.data.source
    if source.synthetic:
        found = [of_split(task, entry, split) for split in entry.data.segment]
        return sum(audio.seconds for audio in found if audio) * 16000 * 2 * FLAC
    if isinstance(source, audiomarathon.Source) and source.hub is not None:
        repository = Repository(("tasks", task), "", source.hub.repo, source.hub.revision, "dataset")
        audio = of_split(task, entry, "test")
        return 0.0 if cached(repository) or audio is None else MARATHON_BYTES * audio.seconds / MARATHON_S
    return 0.0
