"""About how long what is wanted will take, and how much disk: rough, and said how rough.

A job's time is what it took here before (``benchmarks/``), else what like jobs took here, else a guess:
operations of a published model at a usual speed, or what the demo's jobs take on a
core. Disk is counted from lengths of audio. Jobs of the same pass share its work.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from earmark.config.settings import Settings
from earmark.data.audit.cost import BYTES, estimate, parameters
from earmark.doctor.audio import Audio, of_split
from earmark.doctor.entries import Repository, cached
from earmark.doctor.plan import Job
from earmark.models.entry import costs, folder_of, sizes_of
from earmark.models.families import family

MEASURED, LIKE, GUESSED = "measured here before", "measured here on like jobs", "guessed"

START_S = 5.0
"""What starting Python and its packages takes, a job."""

PER_AUDIO_S = {"download": 0.01, "pack": 0.01, "features": 0.01, "embeddings": 0.05, "answer": 0.001}
"""CPU seconds per second of audio, from a run of the demo."""

TRAIN_S, PREFILL_S = 350.0, 70.0
"""Of the demo, on a core."""

STUDENT_S = {"train_student": 35.0, "teacher": 30.0, "tagging_speed": 15.0}
"""Of the demo students and their teacher, on a core."""

GPU_SPEED, CPU_SPEED = 1e14, 0.19e12
"""Operations a second that a data-centre GPU makes of a large model, and a CPU core: a job has one, and
0.18 to 0.19 TFLOP/s were measured in bf16 at 3B, encoder and prefill alike."""

READ_SPEED = 0.8e9
"""Bytes of weights a second that are read and hashed, twice over."""

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

    def flat(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "jobs": self.jobs,
            "done": self.done,
            "seconds": round(self.seconds),
            "bytes": round(self.bytes),
            "basis": dict(self.basis),
            "unknown": self.unknown,
        }


def of(settings: Settings, jobs: Sequence[Job], gpu: bool) -> Estimate:
    """Return the estimate for those of ``jobs`` that are not done."""
    todo = [job for job in jobs if not job.done]
    found = Estimate(len(todo), len(jobs) - len(todo))
    audio = {
        (job.task, job.split): of_split(job.task, settings.task(job.task), job.split)
        for job in jobs
        if job.task and job.split
    }
    found.unknown = sorted(
        {f"data of {task}, {split}" for (task, split), known in audio.items() if not known}
    )
    unguessed: dict[str, int] = defaultdict(int)
    passes: set[tuple[str, str]] = set()
    for job in todo:
        first = job.rule != "answer" or (job.model, job.task) not in passes
        passes.add((job.model, job.task))
        if not job.usual and noted(Path(job.benchmark)) is None and not _like(job):
            unguessed[job.rule] += 1
            continue
        seconds, basis = _seconds(settings, job, audio.get((job.task, job.split)), gpu, first)
        found.seconds += seconds
        found.basis[basis] += 1
        found.bytes += _bytes(settings, job, audio.get((job.task, job.split)))
    if unguessed:
        named = ", ".join(f"{n} of {rule}" for rule, n in unguessed.items())
        found.unknown.append(f"the time of jobs whose like never ran here: {named}")
    return found


def _seconds(settings: Settings, job: Job, audio: Audio | None, gpu: bool, first: bool) -> tuple[float, str]:
    """Return a job's time and what it is known from."""
    own = noted(Path(job.benchmark))
    if own is not None:
        return own, MEASURED
    like = _like(job)
    if like:
        # A cell that was answered in the pass of another notes next to nothing.
        return (fmean(like) if job.rule != "answer" else max(like) if first else min(like)), LIKE
    return _guess(settings, job, audio, gpu, first), GUESSED


def _guess(settings: Settings, job: Job, audio: Audio | None, gpu: bool, first: bool) -> float:
    """Return a time for a job that never ran here."""
    if job.rule == "train":
        return TRAIN_S
    if job.rule == "prefill":
        return PREFILL_S
    if job.rule in STUDENT_S:
        return STUDENT_S[job.rule]
    share = audio.seconds / job.of if audio else 0.0
    model = settings.model(job.model) if job.model else None
    if job.rule == "checkpoint" and model and (folder := folder_of(model)) and folder.is_dir():
        return START_S + sum(path.stat().st_size for path in folder.glob("*.safetensors")) / READ_SPEED
    if audio and model and ("hub" in model or "path" in model) and sizes_of(model):
        cost = estimate(costs(model), audio.lengths(), 0)
        speed = GPU_SPEED if gpu else CPU_SPEED
        # A clip is run once beforehand, untimed.
        warm = 1 + 1 / max(1, cost["clips"])
        if job.rule in ("features", "embeddings"):
            return START_S + cost["encoder_flops"] * warm / speed / job.of
        if job.rule == "answer":
            (cell,) = job.cells
            kept = 1.0 if cell[3].endswith("t") else float(cell[3])
            return START_S + cost["prefill_flops"] * kept * warm / speed
    if job.rule == "answer" and not first:
        # The demo cells of a pass are answered together.
        return START_S / 5 + PER_AUDIO_S["answer"] * share
    return START_S + PER_AUDIO_S.get(job.rule, 0.0) * share


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
    if job.rule == "answer":
        # Of the same task; the default model's lie beside the folders of others.
        found = (noted(file) for file in sorted(path.parent.glob(f"{job.task}_*.tsv")))
        return tuple(seconds for seconds in found if seconds is not None)
    shard = job.rule in ("pack", "resample", "fetch", "features", "embeddings", "fbank", "logits")
    return _folder(Path(job.benchmark).parent) if shard or len(parts) > 3 else ()


def _bytes(settings: Settings, job: Job, audio: Audio | None) -> float:
    """Return what a job leaves on the disk."""
    if job.rule == "checkpoint":
        return _checkpoint_bytes(settings, job.model)
    if job.rule == "download":
        return _source_bytes(settings, job.task)
    if audio is None:
        return 0.0
    share = audio.seconds / job.of
    if job.rule in ("pack", "fetch"):
        data = settings.task(job.task)["data"]
        rate = data["fetch"]["sample_rate"] if job.rule == "fetch" else data["sample_rate"]
        return float(share * rate * 2 * FLAC)
    if job.rule == "features":
        model = settings.model(job.model)
        sizes = sizes_of(model)
        width = sizes.hidden if sizes else 0
        return share * family(model["kind"]).audio.tokens_per_second * width * BYTES[model["dtype"]]
    return 0.0


def _checkpoint_bytes(settings: Settings, model: str) -> float:
    """Return what of a published checkpoint must come down."""
    entry = settings.model(model)
    if "hub" not in entry:
        return 0.0
    found = Repository(("models", model), "", entry["hub"], entry["revision"], "model")
    sizes = sizes_of(entry)
    beside = family(entry["kind"]).beside
    return 0.0 if cached(found) or sizes is None else 2.0 * (parameters(sizes) + beside)


def _source_bytes(settings: Settings, task: str) -> float:
    """Return what recordings take: rendered here, or fetched from the hub."""
    entry = settings.task(task)
    source = entry["data"]["source"]
    if source["kind"].startswith("synthetic"):
        found = [of_split(task, entry, split) for split in entry["data"]["segment"]]
        return sum(audio.seconds for audio in found if audio) * 16000 * 2 * FLAC
    if source["kind"] == "audiomarathon" and "hub" in source:
        repository = Repository(
            ("tasks", task), "", source["hub"]["repo"], source["hub"]["revision"], "dataset"
        )
        audio = of_split(task, entry, "test")
        return 0.0 if cached(repository) or audio is None else MARATHON_BYTES * audio.seconds / MARATHON_S
    return 0.0
