"""The scores of one model on one set, each sample once; a killed job goes on where it stopped."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.core.errors import AudioError, UserError
from earmark.core.progress import tqdm
from earmark.core.records import FAILED, OK, read_jsonl, reason_code
from earmark.systems.separation import soft
from earmark.systems.separation.audio import Chunks, separate
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.network.spectrum import SAMPLE_RATE
from earmark.systems.separation.query.contract import AudioEncoder
from earmark.systems.separation.scores import score
from earmark.systems.separation.sets.contract import Listed, MixtureSet, Wave

Weights = dict[str, torch.Tensor]


@dataclass
class Model:
    """What separates: a network and, where its weights follow the sample, what they are merged of."""

    network: ResUNet
    device: torch.device
    base: Weights | None = None
    adapted: Sequence[Weights] = ()
    _loaded: tuple[float, ...] = field(default=())

    def of(self, shares: Sequence[float]) -> ResUNet:
        """Return the network for a sample whose domains have these probabilities."""
        if self.base is not None:
            wanted = tuple(round(float(share), 3) for share in shares)
            if wanted != self._loaded:
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
    """Probabilities of the domains by query: [samples, domains]."""

    prototypes: NDArray[np.float32] | None
    """What estimates are compared with, in the space of ``encoder``: [samples, size]."""

    encoder: AudioEncoder | None
    chunks: Chunks


def run(task: Task, model: Model, work: Path) -> list[dict[str, Any]]:
    """Return a row per sample: its scores, or why it has none.

    Args:
        task: what is evaluated.
        model: that separates.
        work: file of the rows so far; those it holds are not computed again.

    """
    done = {row["sample"]: row for row in read_jsonl(work, torn=True)} if work.exists() else {}
    rows: list[dict[str, Any]] = []
    with _appending(work, list(done.values())) as stream:
        for number, sample in enumerate(tqdm(task.mixtures.samples, desc="separating", unit="sample")):
            if sample.name not in done:
                done[sample.name] = _row(task, model, number, sample)
                stream.write(json.dumps(done[sample.name]) + "\n")
                stream.flush()
            rows.append(done[sample.name])
    return rows


def excerpts(task: Task, model: Model, count: int) -> list[dict[str, str]]:
    """Return what some samples sound like, evenly spread over the set: Ogg Opus in base64, for the page."""
    total, found = len(task.mixtures.samples), []
    for number in [(2 * place + 1) * total // (2 * count) for place in range(min(count, total))]:
        sample = task.mixtures.samples[number]
        try:
            mixture, reference = sample.load()
        except AudioError:
            continue  # counted as failed above
        made = estimate(task, model, number, mixture)
        sounds = {"mixture": mixture, "reference": reference, "estimate": made}
        audible = {name: base64.b64encode(_opus(wave)).decode() for name, wave in sounds.items()}
        found.append({"sample": sample.name, "query": sample.query, **audible})
    return found


@contextmanager
def _appending(work: Path, rows: Sequence[dict[str, Any]]) -> Iterator[TextIO]:
    """Yield the file of rows, without a line that a killed job left unfinished."""
    work.parent.mkdir(parents=True, exist_ok=True)
    with work.open("w") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
        yield stream


def _row(task: Task, model: Model, number: int, sample: Listed) -> dict[str, Any]:
    """Return one sample's row; what fails is said and not scored."""
    row: dict[str, Any] = {
        "sample": sample.name,
        "query": sample.query,
        "label": sample.label,
        "source": sample.source,
        "shares": [round(float(share), 6) for share in task.shares[number]],
    }
    try:
        mixture, reference = sample.load()
        made = estimate(task, model, number, mixture)
        found = score(reference, mixture, made)
    except (AudioError, UserError) as error:
        return {**row, "status": FAILED, "reason": reason_code(str(error))}
    likeness = None
    if task.encoder is not None and task.prototypes is not None:
        heard = task.encoder.recordings([made])[0]
        likeness = round(float(heard @ task.prototypes[number]), 6)
    return {**row, "status": OK, "reason": None, "likeness": likeness, **found.plain()}


def estimate(task: Task, model: Model, number: int, mixture: Wave) -> Wave:
    """Return what a model makes of a sample's mixture, [samples]."""
    network = model.of(task.shares[number].tolist())
    query = torch.from_numpy(task.queries[number])[None].to(model.device)

    def separator(mixtures: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network(mixtures.to(model.device), query.expand(len(mixtures), -1))
        return found

    return separate(mixture, separator, task.chunks)


def _opus(wave: Wave) -> bytes:
    """Return a sound as Ogg Opus; what is over full scale is turned down."""
    from earmark.report.excerpts import opus

    peak = max(1.0, float(np.abs(wave).max()))
    return opus(wave / np.float32(peak), SAMPLE_RATE)
