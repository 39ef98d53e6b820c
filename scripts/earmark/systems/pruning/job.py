"""Answering one cell of the grid, and others with it: from features to answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.config.schema import check_fits
from earmark.core import devices, provenance
from earmark.core.files import Json, free, sha256
from earmark.core.timing import MemoryWatch, Peak
from earmark.models import needs
from earmark.models.checkpoint import Checkpoint
from earmark.models.families import family
from earmark.models.loading import check_load
from earmark.models.needs import announce
from earmark.models.outline import loaded
from earmark.systems.pruning import plan
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.heard import Source
from earmark.systems.pruning.inputs import Inputs
from earmark.systems.pruning.session import Seat, Session
from earmark.systems.pruning.workplace import Fellow, Workplace


@dataclass(frozen=True)
class Asked:
    """A cell, its place, and where what it reads lies."""

    cell: Cell
    place: Workplace
    heard: Source
    checkpoint: Path
    inputs: Sequence[str]
    """Digests of all that is read."""


def run(asked: Asked, fellows: Sequence[Fellow], jobs: int, threads: int) -> None:
    """Answer the cell, and those ``fellows`` that no other of ``jobs`` jobs answers, into their places.

    Fellows ask the same model the same questions; their answers wait for their own jobs. Rows in progress are
    kept in the cells' places, so a killed run continues.

    Raises:
        UserError: settings that don't fit, or damaged inputs.

    """
    cell = asked.cell
    check_load(cell.model.load)
    device = devices.prepare(cell.run.device, threads)
    memory = MemoryWatch(device)
    model, kind = Checkpoint.read(asked.checkpoint), family(cell.model.kind)
    projector = cell.model.projector
    audio, per_token = kind.hears(projector), kind.stored_per_token(projector)
    with contextlib.ExitStack() as held:
        heard = asked.heard.open(held, per_token, device)
        inputs = Inputs.of(cell, heard.read, audio, asked.heard.folder)
        dtype, attention, load = cell.model.dtype, cell.model.attention, cell.model.load
        whole = replace(cell.model.outline, load=load, max_audio_s=cell.model.max_audio_s)
        whole = loaded(whole, model.folder, model.record)
        announce(needs.evaluating(whole, cell.run.batch_audio_s))
        decoder = kind.decoder(model, str(device), dtype, attention, load=load)
        loading = memory.lap()
        session = Session(
            decoder, heard.store, inputs.samples, cell.task.prompt.system, cell.task.max_new_tokens
        )
        seats = [Seat.take(cell, asked.place, held)]
        for fellow in _free(cell, fellows, asked.inputs, jobs, held):
            seats.append(Seat.take(fellow.cell, fellow, held))
        if len(seats) > 1:
            print(f"answering for {len(seats) - 1} more results of the grid in the same pass", flush=True)
        batches = plan.batches(inputs.samples, audio.tokens(cell.run.batch_audio_s))
        session.answer(seats, batches, cell.run.warm_up, memory)
        weights = dict(zip(("weights_bytes", "streamed_bytes"), decoder.weight_bytes(), strict=True))
        shared = {
            "device": devices.describe(device),
            "dtype": dtype,
            "attention": attention,
            "threads": threads,
            "warm_up": cell.run.warm_up,
            "cells_in_pass": len(seats),
        }
        read = [sha256(path) for path in asked.heard.indexes]
        origin = {"model": model.record, "data": inputs.provenance(read)}
        for seat in reversed(seats):  # the own cell last
            rows = session.rows(seat)
            timing = shared | _measured(seat, rows, loading.max(seat.track.peak), weights, memory.start)
            bounded = seat.cell.bounded(audio.window_s)
            seat.place.finish(record(bounded, seat, rows, inputs.skipped, timing, origin), rows)


def _measured(seat: Seat, rows: Sequence[Json], peak: Peak, weights: dict[str, int], start: int) -> Json:
    """Return what a cell's way through the batches took besides its samples' times."""
    return {
        "batch_rows_max": max((row["batch_rows"] or 0 for row in rows), default=0),
        "batches_halved": seat.track.halved,
        "peak_memory_bytes": peak.device,
        "memory": weights | {"process_start_bytes": start, "process_peak_bytes": peak.process},
    }


def record(
    cell: Cell,
    seat: Seat,
    rows: Sequence[Json],
    skipped: int,
    timing: Json,
    origin: Json,
) -> Json:
    """Return what made a cell's answers, checked against its schema."""
    config = dict(zip(("task", "model", "method", "run"), cell.asked, strict=True))
    content = {
        "schema": "earmark/answers/1",
        "system": "pruned-evaluation",
        "lowest_layer": seat.reducer.lowest_layer,
        "note": seat.reducer.note,
        "counts": {
            "asked": len(rows),
            "failed": sum(row["reason"] is not None for row in rows),
            "skipped": skipped,
        },
        "timing": timing,
        "provenance": provenance.record(cell.code) | {"config": config, **origin, "cell": seat.place.key},
    }
    check_fits(content, "answers")
    return content


def _free(
    cell: Cell, fellows: Sequence[Fellow], inputs: Sequence[str], jobs: int, held: contextlib.ExitStack
) -> Iterator[Workplace]:
    """Take the places of cells that still need answers and that no other job holds.

    Jobs that run side by side share out the work that is left; their places are held until this job ends.
    """
    waiting = [(f, key) for f in fellows if f.needs_answers(key := f.cell.digest(inputs))]
    fair = (_work(cell) + sum(_work(fellow.cell) for fellow, _ in waiting)) / jobs
    taken = _work(cell)
    for fellow, key in waiting:
        if taken >= fair:
            return
        place = Workplace(fellow.work, fellow.cell, key)
        if not place.finished and held.enter_context(free(fellow.work)) is not None:
            taken += _work(fellow.cell)
            yield place


def _work(cell: Cell) -> float:
    """Return about how long a cell takes, in unpruned prefills: what it keeps, and what every cell takes."""
    return 0.25 + (cell.method.keep_ratio or 0.5)
