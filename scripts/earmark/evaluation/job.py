"""One cell of the grid: a task, a model, a method, a budget; from features to result files."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark import device as devices
from earmark.errors import UserError
from earmark.evaluation import plan, result, runner
from earmark.evaluation.cell import Cell
from earmark.evaluation.plan import Sample
from earmark.evaluation.workplace import Workplace, read_fellows
from earmark.features import FeatureRow, FeatureStore, read_index
from earmark.files import free
from earmark.models.checkpoint import Checkpoint
from earmark.records import OK, read_jsonl
from earmark.reduction.contract import Reducer
from earmark.reduction.loader import load
from earmark.tasks import question
from earmark.timing import peak_memory


def samples_of(cell: Cell, rows: Sequence[FeatureRow], tokens_per_second: int) -> list[Sample]:
    """Return the questions of the split; a clip that failed before stays, as a failed sample."""
    task = cell.task
    classes = sorted({row.clip.labels[0] for row in rows})
    limit = int(cell.model["max_audio_s"] * tokens_per_second)
    samples = []
    for row in rows:
        clip = row.clip
        label = clip.labels[0]
        options = clip.options or question.draw_options(
            label, classes, task["options"], cell.run["seed"], clip.clip_id
        )
        asked = question.ask(task["prompt"]["template"], task["question"] or clip.text, options, label)
        cut, truncated, failure = plan.windows(row.tokens, limit, task["long_audio"])
        samples.append(
            Sample(
                clip.clip_id,
                clip.key,
                label,
                clip.duration_s,
                asked,
                cut if clip.ok else (),
                truncated,
                failure if clip.ok else clip.reason,
            )
        )
    return samples


@dataclass
class _Seat:
    """A cell that this job answers: its place and its rows."""

    cell: Cell
    place: Workplace
    reducer: Reducer
    track: runner.Track


def run(
    cell: Cell,
    features: Sequence[Path],
    indexes: Sequence[Path],
    checkpoint: Path,
    output: Path,
    place: Workplace,
    inputs: list[str],
    grid: Path,
    threads: int,
) -> None:
    """Evaluate the cell and write ``output`` (JSON) and its rows beside it (JSONL).

    Cells of ``grid`` that ask the same model the same questions are answered along with it, as far
    as no other job does; their results wait for their own jobs. Rows in progress are kept in the
    cells' workplaces, so a killed run continues.

    Raises:
        UserError: settings that don't fit, damaged inputs, or more failed samples than allowed.

    """
    device = devices.prepare(cell.run["device"], threads)
    model = Checkpoint.read(checkpoint)
    family = importlib.import_module(f"earmark.models.{cell.model['kind']}")
    read = [read_index(path) for path in indexes]
    everything = [row for rows, _ in read for row in rows if row.clip.status in (OK, "failed")]
    everything.sort(key=lambda row: row.clip.clip_id)
    chosen = plan.choose(everything, cell.task["sample_limit"], cell.run["seed"])
    samples = samples_of(cell, chosen, family.TOKENS_PER_SECOND)
    parser = importlib.import_module(f"earmark.tasks.{cell.task['parser']}")
    with contextlib.ExitStack() as held, FeatureStore(features) as store:
        decoder = family.Decoder(model, str(device), cell.model["dtype"], cell.model["attention"])
        loop = runner.Loop(
            decoder, store, samples, cell.task["prompt"]["system"], cell.task["max_new_tokens"]
        )
        seats = [_seat(cell, place, held)]
        for fellow, its_place in _free_fellows(cell, inputs, grid, held):
            seats.append(_seat(fellow, its_place, held))
        if len(seats) > 1:
            print(f"answering for {len(seats) - 1} more results of the grid in the same pass", flush=True)
        runner.evaluate(
            loop,
            plan.batches(samples, int(cell.run["batch_audio_s"] * family.TOKENS_PER_SECOND)),
            [seat.track for seat in seats],
            cell.run["warm_up"],
            lambda sample, answers: result.sample_row(sample, answers, parser.parse),
        )
        data = read[0][1] | {
            "index_sha256": inputs[1:],
            "licences": sorted({r.clip.licence for r in chosen if r.clip.licence}),
            "origins": sorted({r.clip.origin for r in chosen if r.clip.origin}),
        }
        for seat in reversed(seats):  # the own cell last: its budget may be exceeded
            for sample in samples:
                if sample.failure:
                    seat.track.rows[sample.clip_id] = result.failed_row(sample, sample.failure)
            ordered = [seat.track.rows[sample.clip_id] for sample in samples]
            try:
                result.check_budget(ordered, cell.run["max_failed_share"], output)
            except UserError:
                if seat.cell is cell:
                    raise
                continue  # its own job will say so
            timing = {
                "device": devices.describe(device),
                "dtype": cell.model["dtype"],
                "attention": cell.model["attention"],
                "threads": threads,
                "warm_up": cell.run["warm_up"],
                "batch_rows_max": max((row["batch_rows"] or 0 for row in ordered), default=0),
                "batches_halved": seat.track.halved,
                "peak_memory_bytes": seat.track.peak_memory or peak_memory(device),
                "cells_in_pass": len(seats),
            }
            origin = {"model": model.record, "data": data, "cell": seat.place.key}
            record = result.record(
                seat.cell,
                ordered,
                chosen,
                len(everything) - len(chosen),
                timing,
                origin,
                seat.reducer.lowest_layer,
            )
            seat.place.finish(record, ordered)
    print(result.one_line(record), flush=True)


def _seat(cell: Cell, place: Workplace, held: contextlib.ExitStack) -> _Seat:
    """Open a cell's place, with the rows that an earlier run left there."""
    place.clear()
    done = read_jsonl(place.journal, torn=True) if place.journal.exists() else []
    reducer = load(cell.method["reducer"], cell.method["options"])
    reduction = runner.Reduction(
        reducer,
        cell.method["keep_ratio"],
        cell.method["keep_tokens"],
        cell.method["layer"],
        cell.run["seed"],
        cell.method["reference"],
    )
    journal = held.enter_context(runner.open_journal(place.journal))
    return _Seat(
        cell, place, reducer, runner.Track(reduction, {row["clip_id"]: row for row in done}, journal)
    )


def _free_fellows(
    cell: Cell, inputs: Sequence[str], grid: Path, held: contextlib.ExitStack
) -> Iterator[tuple[Cell, Workplace]]:
    """Take the places of cells that still need answers and that no other job holds.

    Jobs that run side by side share out what is left; their places are held until this job ends.
    """
    fellows, jobs = read_fellows(grid, cell)
    waiting = [(f, key) for f in fellows if f.needs_answers(key := f.cell.digest(inputs))]
    fair = -(-(len(waiting) + 1) // jobs) - 1
    for fellow, key in waiting:
        if fair <= 0:
            return
        place = Workplace(fellow.work, key)
        if not place.finished and held.enter_context(free(fellow.work)) is not None:
            fair -= 1
            yield fellow.cell, place
