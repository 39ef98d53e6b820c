"""The scores of one model on one set: from stored weights, a table of texts and a partition to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from earmark.core import devices, provenance
from earmark.core.files import exclusive, write_json
from earmark.core.records import write_jsonl
from earmark.systems.separation import evaluation, stored
from earmark.systems.separation.audio import Chunks
from earmark.systems.separation.evaluation import Model, Task
from earmark.systems.separation.jobs.partitioned import read
from earmark.systems.separation.jobs.shared import fingerprint
from earmark.systems.separation.query import load
from earmark.systems.separation.query.contract import Vectors, unit
from earmark.systems.separation.query.table import Table
from earmark.systems.separation.routing.contract import BASE, SOFT, shares
from earmark.systems.separation.sets import audiosep, drawn
from earmark.systems.separation.sets.contract import MixtureSet
from earmark.systems.separation.sounds import spoken


def make(
    settings: Mapping[str, Any],
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
        settings: see `request.scores_job`.
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
    device = devices.prepare(settings["device"], threads)
    given = [separator, *adapters, *([partition] if partition else []), *tables, *indexes]
    with exclusive(work):
        rows_so_far = work / f"{fingerprint(settings, given, code)}.jsonl"
        model = _model(settings["model"], separator, adapters, device)
        text = stored.read(separator)[1]["text"]
        task = _task(settings, text, _mixtures(settings, indexes), _vectors(tables), partition, device)
        rows = evaluation.run(task, model, rows_so_far)
        heard = evaluation.excerpts(task, model, settings["excerpts"])
    write_jsonl(output.with_suffix(".jsonl"), rows)
    write_json(sounds, heard)
    content = {
        "schema": "earmark/separation-scores/1",
        **{key: settings[key] for key in ("set", "model")},
        "aggregation": task.mixtures.aggregation,
        "note": task.mixtures.note,
        "samples": len(rows),
        "device": devices.describe(device),
        "provenance": provenance.record(code),
    }
    write_json(output, content)
    rows_so_far.unlink()


def _model(name: str, separator: Path, adapters: Sequence[Path], device: torch.device) -> Model:
    """Return the model of a name: ``base``, ``soft``, or a domain."""
    base, described = stored.read(separator)
    network = stored.network(described, base, separator)
    if name == BASE:
        return Model(network.to(device), device)
    adapted = [stored.adapted(separator, path) for path in adapters]
    if name == SOFT:
        return Model(network.to(device), device, base, adapted)
    [weights] = adapted
    network.load_state_dict(weights)
    return Model(network.to(device), device)


def _mixtures(settings: Mapping[str, Any], indexes: Sequence[Path]) -> MixtureSet:
    """Return the samples of the set."""
    keys = settings["mixtures"]
    if keys["layout"] == "drawn":
        return drawn.read(indexes, keys["per_clip"], keys["snr_db"], settings["seed"])
    root, table = (Path(keys[key]).expanduser() for key in ("root", "table"))
    return audiosep.read(keys["layout"], root, table, keys["query"])


def _vectors(tables: Sequence[Path]) -> Table:
    """Return several tables as one."""
    found = [Table.read(path) for path in tables]
    texts = tuple(text for table in found for text in table.texts)
    return Table(texts, np.concatenate([table.vectors for table in found]))


def _task(
    settings: Mapping[str, Any],
    text: Mapping[str, Any],
    mixtures: MixtureSet,
    table: Table,
    partition: Path | None,
    device: torch.device,
) -> Task:
    """Return what is evaluated."""
    queries = table.of([sample.query for sample in mixtures.samples])
    chunks = Chunks(settings["chunk_s"], settings["overlap_s"], settings["batch"])
    scaled = np.asarray(text["scale"] * queries, np.float32)
    if partition is None:
        nothing = np.zeros((len(queries), 0))
        return Task(mixtures, scaled, nothing, None, None, chunks)
    found = read(partition)
    names = [each["name"] for each in found["classes"]]
    domain_of = {name: n for n, domain in enumerate(found["domains"]) for name in domain["classes"]}
    classes = table.of([spoken(name) for name in names])
    probable = shares(
        queries, classes, [domain_of[name] for name in names], len(found["domains"]), settings["temperature"]
    )
    encoder = prototypes = None
    if settings["likeness"]:
        encoder = load.audio_encoder(found["encoder"], text, device)
        prototypes = queries if found["encoder"] == "clap" else _nearest(queries, classes, found["means"])
    return Task(mixtures, scaled, probable, prototypes, encoder, chunks)


def _nearest(queries: Vectors, classes: Vectors, means: Sequence[Sequence[float]]) -> Vectors:
    """Return what the class with the nearest name sounds like, for each query."""
    return unit(np.asarray(means, np.float32))[(queries @ classes.T).argmax(axis=1)]
