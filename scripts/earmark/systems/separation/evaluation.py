"""The scores of one model on one set, each sample once; a killed job goes on where it stopped."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.core.errors import AudioError, UserError
from earmark.core.jsonl import read_jsonl
from earmark.core.progress import tqdm
from earmark.core.records import FAILED, OK, reason_code
from earmark.systems.separation import soft
from earmark.systems.separation.audio import Chunks, asking, equally_long, separate
from earmark.systems.separation.mono import Wave
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.query.contract import AudioEncoder
from earmark.systems.separation.row import Row
from earmark.systems.separation.scores import score
from earmark.systems.separation.sets.contract import MixtureSet

Weights = dict[str, torch.Tensor]


@dataclass
class Model:
    """What separates: a network and, where its weights follow the sample, what they are merged of."""

    network: ResUNet
    device: torch.device
    base: Weights | None = None
    adapted: Sequence[Weights] = ()
    _loaded: tuple[float, ...] = field(default=())

    def mixed_by(self, shares: NDArray[np.float64]) -> tuple[float, ...]:
        """Return what of a sample's probabilities of domains the weights follow: nothing of most models."""
        return tuple(round(float(share), 3) for share in shares) if self.base is not None else ()

    def of(self, shares: NDArray[np.float64]) -> ResUNet:
        """Return the network for a sample whose domains have these probabilities."""
        wanted = self.mixed_by(shares)
        if self.base is not None and wanted != self._loaded:
            self.network.load_state_dict(soft.merged(self.base, self.adapted, wanted))
            self._loaded = wanted
        return self.network


@dataclass(frozen=True)
class Task:
    """What is evaluated, and with what."""

    mixtures: MixtureSet
    queries: NDArray[np.float32]
    """Vectors of the samples' queries, as the network takes them: [samples, size]."""

    shares: NDArray[np.float64]
    """Probabilities of the domains by query, where weights follow them: [samples, domains]."""

    prototypes: NDArray[np.float32] | None
    """What estimates are compared with, in the space of ``encoder``: [samples, size]."""

    encoder: AudioEncoder | None
    chunks: Chunks


def run(task: Task, model: Model, work: Path) -> list[Row]:
    """Return a row per sample: its scores, or why it has none.

    Args:
        task: what is evaluated.
        model: that separates.
        work: file of the rows so far; those it holds are not scored again.

    """
    so_far = map(Row.read, read_jsonl(work, torn=True)) if work.exists() else ()
    done = {row.sample: row for row in so_far}
    names = [sample.name for sample in task.mixtures.samples]
    with (
        _appending(work, list(done.values())) as stream,
        tqdm(total=len(names), desc="separating", unit="sample") as bar,
    ):
        # Which samples go together never depends on what is there already: no last bit follows a resume.
        together = task.chunks.batch or 1
        for first in range(0, len(names), together):
            numbers = range(first, min(first + together, len(names)))
            if any(names[number] not in done for number in numbers):
                for row in _rows(task, model, numbers):
                    if row.sample not in done:
                        done[row.sample] = row
                        stream.write(json.dumps(row.plain()) + "\n")
                stream.flush()
            bar.update(len(numbers))
    return [done[name] for name in names]


def excerpts(task: Task, model: Model, count: int) -> list[dict[str, str]]:
    """Return what some samples sound like, evenly spread over the set: Ogg Opus in base64, for the page."""
    total, found = len(task.mixtures.samples), []
    for number in [(2 * place + 1) * total // (2 * count) for place in range(min(count, total))]:
        sample = task.mixtures.samples[number]
        try:
            mixture, reference = sample.load()
        except AudioError:
            continue  # counted as failed above
        made = estimates(task, model, {number: mixture})[number]
        sounds = {"mixture": mixture, "reference": reference, "estimate": made}
        audible = {name: base64.b64encode(_opus(wave)).decode() for name, wave in sounds.items()}
        found.append({"sample": sample.name, "query": sample.query, **audible})
    return found


@contextmanager
def _appending(work: Path, rows: Sequence[Row]) -> Iterator[TextIO]:
    """Yield the file of rows, without a line that a killed job left unfinished."""
    work.parent.mkdir(parents=True, exist_ok=True)
    with work.open("w") as stream:
        stream.writelines(json.dumps(row.plain()) + "\n" for row in rows)
        yield stream


def _rows(task: Task, model: Model, numbers: Sequence[int]) -> list[Row]:
    """Return the rows of some samples; what fails is said and not scored."""
    heard: dict[int, tuple[Wave, Wave]] = {}
    failed: dict[int, Exception] = {}
    for number in numbers:
        try:
            heard[number] = task.mixtures.samples[number].load()
        except (AudioError, UserError) as error:
            failed[number] = error
    made = estimates(task, model, {number: mixture for number, (mixture, _) in heard.items()})
    rows = []
    for number in numbers:
        sample = task.mixtures.samples[number]
        row = Row(sample.name, sample.query, sample.label, sample.source, OK)
        try:
            if number in failed:
                raise failed[number]
            mixture, reference = heard[number]
            found = score(reference, mixture, made[number])
        except (AudioError, UserError) as error:
            rows.append(replace(row, status=FAILED, reason=reason_code(str(error))))
            continue
        likeness = None
        if task.encoder is not None and task.prototypes is not None:
            sounds = task.encoder.recordings([made[number]])[0]
            likeness = round(float(sounds @ task.prototypes[number]), 6)
        rows.append(replace(row, likeness=likeness, scores=found.rounded()))
    return rows


def estimates(task: Task, model: Model, mixtures: Mapping[int, Wave]) -> dict[int, Wave]:
    """Return what a model makes of samples' mixtures, [samples] each, by the samples' numbers.

    Equally long ones that fit into a chunk and want the same weights go through together.
    """
    groups: dict[tuple[int, tuple[float, ...]], list[int]] = {}
    for number, mixture in mixtures.items():
        groups.setdefault((len(mixture), model.mixed_by(task.shares[number])), []).append(number)
    made: dict[int, Wave] = {}
    for (samples, _), numbers in groups.items():
        network = model.of(task.shares[numbers[0]])
        queries = torch.from_numpy(task.queries[numbers]).to(model.device)
        waves = [mixtures[number] for number in numbers]
        if samples <= task.chunks.samples:
            parts: Iterable[Wave] = equally_long(asking(network, queries), waves)
        else:
            asked = [asking(network, query) for query in queries.split(1)]
            parts = [separate(wave, each, task.chunks) for wave, each in zip(waves, asked, strict=True)]
        made |= zip(numbers, parts, strict=True)
    return made


def _opus(wave: Wave) -> bytes:
    """Return a sound as Ogg Opus; what is over full scale is turned down."""
    from earmark.report.excerpts import opus

    peak = max(1.0, float(np.abs(wave).max()))
    return opus(wave / np.float32(peak), SAMPLE_RATE)
