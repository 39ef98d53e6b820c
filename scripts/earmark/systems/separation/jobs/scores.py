"""The scores of one model on one set: from stored weights, a table of texts and a partition to rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from earmark.core import devices, provenance
from earmark.core.files import exclusive, write_json
from earmark.core.jsonl import write_jsonl
from earmark.systems.separation import evaluation, stored
from earmark.systems.separation.asked import BASE, SOFT, Scores, Text
from earmark.systems.separation.audio import Chunks
from earmark.systems.separation.evaluation import Model, Task
from earmark.systems.separation.jobs.partitioned import Partitioned
from earmark.systems.separation.jobs.shared import fingerprint
from earmark.systems.separation.query import load
from earmark.systems.separation.query.contract import Vectors, unit
from earmark.systems.separation.query.table import Table, spoken
from earmark.systems.separation.routing.contract import shares
from earmark.systems.separation.sets import audiosep, drawn
from earmark.systems.separation.sets.contract import MixtureSet
from earmark.systems.separation.stored import Base


def make(
    settings: Scores,
    separator: Path,
    adapters: Sequence[Path],
    partition: Path | None,
    tables: Sequence[Path],
    indexes: Sequence[Path],
    output: Path,
    sounds: Path,
    work: Path,
    code: str,
    threads: int,
) -> None:
    """Score a model on a set.

    Args:
        settings: the set, the model and how it is run.
        separator: record of the base.
        adapters: records of the domains' adapters that the model is made of: none for the base, one for a
            domain, all in the domains' order for their merge.
        partition: of the classes; None where there are no domains.
        tables: of the set's queries and of the classes' names.
        indexes: of the shards of a drawn set.
        output: record to write; the rows go beside it as JSON lines.
        sounds: JSON file of some samples' audio to write.
        work: folder of the rows of a job that was killed.
        code: digest of the code.
        threads: of this process.

    Raises:
        UserError: files of the set are missing, or inputs don't fit each other.

    """
    device = devices.prepare(settings.device, threads)
    given = [separator, *adapters, *([partition] if partition else []), *tables, *indexes]
    with exclusive(work):
        rows_so_far = work / f"{fingerprint(settings, given, code)}.jsonl"
        base = stored.Base.read(separator)
        model = _model(settings.model, base, adapters, device)
        task = _task(
            settings, base.text, _mixtures(settings, indexes), Table.joined(tables), partition, device
        )
        rows = evaluation.run(task, model, rows_so_far)
        heard = evaluation.excerpts(task, model, settings.excerpts)
    write_jsonl(output.with_suffix(".jsonl"), [row.plain() for row in rows])
    write_json(sounds, heard)
    content = {
        "schema": "earmark/separation-scores/1",
        "set": settings.set,
        "model": settings.model,
        "aggregation": task.mixtures.aggregation,
        "note": task.mixtures.note,
        "samples": len(rows),
        "device": devices.describe(device),
        "provenance": provenance.record(code),
    }
    write_json(output, content)
    rows_so_far.unlink()


def _model(name: str, base: Base, adapters: Sequence[Path], device: torch.device) -> Model:
    """Return the model of a name: ``base``, ``soft``, or a domain."""
    network = base.network()
    adapted = [stored.adapted(base, path) for path in adapters]
    if name == SOFT:
        return Model(network.to(device), device, base.tensors, adapted)
    if name != BASE:
        [weights] = adapted
        network.load_state_dict(weights)
    return Model(network.to(device), device)


def _mixtures(settings: Scores, indexes: Sequence[Path]) -> MixtureSet:
    """Return the samples of the set."""
    found = settings.mixtures
    if found.layout == "drawn":
        return drawn.read(indexes, found.per_clip, found.snr_db, settings.seed)
    root, table = (Path(str(place)).expanduser() for place in (found.root, found.table))
    return audiosep.read(found.layout, root, table, found.query)


def _task(
    settings: Scores,
    text: Text,
    mixtures: MixtureSet,
    table: Table,
    partition: Path | None,
    device: torch.device,
) -> Task:
    """Return what is evaluated."""
    queries = table.of([sample.query for sample in mixtures.samples])
    chunks = Chunks(settings.chunk_s, settings.overlap_s, settings.batch).on(device)
    scaled = np.asarray(text.scale * queries, np.float32)
    probable = np.zeros((len(queries), 0))
    if partition is None:
        return Task(mixtures, scaled, probable, None, None, chunks)
    found = Partitioned.read(partition)
    classes = table.of([spoken(name) for name in found.classes])
    if settings.temperature is not None:
        probable = shares(queries, classes, found.domain_of, len(found.domains), settings.temperature)
    encoder = prototypes = None
    if settings.likeness:
        encoder = load.audio_encoder(found.encoder, text, device)
        prototypes = queries if found.encoder == "clap" else _nearest(queries, classes, found.means)
    return Task(mixtures, scaled, probable, prototypes, encoder, chunks)


def _nearest(queries: Vectors, classes: Vectors, means: Vectors) -> Vectors:
    """Return what the class with the nearest name sounds like, for each query."""
    return unit(means)[(queries @ classes.T).argmax(axis=1)]
