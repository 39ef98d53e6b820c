"""One cell of the grid: a task, a model, a method, a budget; from features to result files."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.files import free
from earmark.core.records import OK, Clip, read_jsonl
from earmark.core.timing import MemoryWatch
from earmark.models import needs
from earmark.models.checkpoint import Checkpoint
from earmark.models.contract import Audio
from earmark.models.families import family
from earmark.models.features import FeatureRow, FeatureStore, clips_digest, read_index
from earmark.models.loading import Load
from earmark.models.needs import announce
from earmark.reduction.contract import Method
from earmark.reduction.loader import load
from earmark.scoring import catalogue, question
from earmark.systems.pruning import plan, result, runner
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.plan import Sample
from earmark.systems.pruning.workplace import Workplace, read_fellows


def samples_of(cell: Cell, rows: Sequence[FeatureRow], tokens_per_second: float) -> list[Sample]:
    """Return the questions of the split; a clip that failed before stays, as a failed sample."""
    classes = sorted({row.clip.labels[0] for row in rows})
    limit = int(cell.model["max_audio_s"] * tokens_per_second)
    samples = []
    for row in rows:
        clip = row.clip
        cut, truncated, failure = plan.windows(row.tokens, limit, cell.task["long_audio"])
        samples.append(
            Sample(
                clip.clip_id,
                clip.key,
                clip.text if _transcribed(cell) else clip.labels[0],
                clip.duration_s,
                _question(cell, clip, classes),
                cut if clip.ok else (),
                truncated,
                failure if clip.ok else clip.reason,
                clip.group,
            )
        )
    return samples


def _question(cell: Cell, clip: Clip, classes: Sequence[str]) -> question.Question:
    """Return what is asked about a clip; options are the task's, else the clip's own, else drawn.

    Raises:
        UserError: the right answer is none of the options.

    """
    task, template = cell.task, cell.task["prompt"]["template"]
    if _transcribed(cell):
        return question.ask_for_words(template, task["question"] or "")
    label = clip.labels[0]
    drawn = (task["options"], cell.run["seed"], clip.clip_id)
    options = task["choices"] or clip.options or question.draw_options(label, classes, *drawn)
    if label not in options:
        raise UserError(
            f"task '{task['name']}': the right answer of clip {clip.clip_id}, '{label}', is none of the "
            f"options {list(options)}; mend the clip's label or the task's choices"
        )
    return question.ask(
        template,
        task["question"] or clip.text,
        options,
        label,
        task["prompt"]["option_mark"],
        fixed=bool(task["choices"]),
    )


def _transcribed(cell: Cell) -> bool:
    """Whether the right answer is what was said, so that a clip's text is no question."""
    return catalogue.of_answers(cell.task["metric"]).answers == "transcript"


@dataclass
class _Seat:
    """A cell that this job answers: its place and its rows."""

    cell: Cell
    place: Workplace
    reducer: Method
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
    load_settings = Load(**cell.model["load"])
    load_settings.check()
    device = devices.prepare(cell.run["device"], threads)
    memory = MemoryWatch(device)
    model = Checkpoint.read(checkpoint)
    kind = family(cell.model["kind"])
    parser = importlib.import_module(f"earmark.scoring.parsers.{cell.task['parser']}")
    metric = catalogue.of_answers(cell.task["metric"])

    def judge(sample: Sample, texts: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = metric.judge(texts, parser.parse, sample.question, sample.label, cell.task)
        return found

    read = [read_index(path) for path in indexes]
    everything = [row for rows, _ in read for row in rows if row.clip.status in (OK, "failed")]
    everything.sort(key=lambda row: row.clip.clip_id)
    try:
        kept = plan.left_in(everything, cell.task["leave_out"])
    except UserError as error:
        raise UserError(f"task '{cell.task['name']}': {error}") from None
    limit, balanced = cell.task["sample_limit"], cell.task["balanced"]
    chosen = plan.choose(kept, limit, cell.run["seed"], metric.balanced_by, balanced)
    samples = samples_of(_bounded(cell, kind.audio), chosen, kind.audio.tokens_per_second)
    with contextlib.ExitStack() as held, FeatureStore(features) as store:
        attention = cell.model["attention"]
        entry = cell.model | {"path": str(model.folder)}
        announce(needs.evaluating(entry, cell.run["batch_audio_s"]))
        decoder = kind.decoder(model, str(device), cell.model["dtype"], attention, load=load_settings)
        loading = memory.lap()
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
            plan.batches(samples, kind.audio.tokens(cell.run["batch_audio_s"])),
            [seat.track for seat in seats],
            cell.run["warm_up"],
            lambda sample, answers: result.sample_row(sample, answers, judge),
            memory,
        )
        weights = dict(zip(("weights_bytes", "streamed_bytes"), decoder.weight_bytes(), strict=True))
        data = read[0][1] | {
            "index_sha256": inputs[1:],
            "states_sha256": [made["states_sha256"] for _, made in read if "states_sha256" in made],
            "clips_sha256": clips_digest(everything),
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
            peak = loading.max(seat.track.peak)
            timing = {
                "device": devices.describe(device),
                "dtype": cell.model["dtype"],
                "attention": attention,
                "threads": threads,
                "warm_up": cell.run["warm_up"],
                "batch_rows_max": max((row["batch_rows"] or 0 for row in ordered), default=0),
                "batches_halved": seat.track.halved,
                "peak_memory_bytes": peak.device,
                "memory": weights | {"process_start_bytes": memory.start, "process_peak_bytes": peak.process},
                "cells_in_pass": len(seats),
            }
            origin = {"model": model.record, "data": data, "cell": seat.place.key}
            skipped, lowest = len(everything) - len(chosen), seat.reducer.lowest_layer
            asked = _bounded(seat.cell, kind.audio)
            record = result.record(asked, ordered, chosen, skipped, timing, origin, lowest, metric)
            seat.place.finish(record, ordered)
    print(result.one_line(record), flush=True)


def _bounded(cell: Cell, audio: Audio) -> Cell:
    """Return the cell with the longest audio that its model family takes at once.

    A family that takes no more than it was trained on knows so; config can only lower it. Its encoder
    took what is longer in parts of equal length, which `window` meets exactly; `truncate` keeps the
    beginning of these states, not those of a beginning encoded by itself.
    """
    limit = min(cell.model["max_audio_s"], audio.window_s or math.inf)
    return replace(cell, model=cell.model | {"max_audio_s": limit})


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
        place = Workplace(fellow.work, fellow.cell, key)
        if not place.finished and held.enter_context(free(fellow.work)) is not None:
            fair -= 1
            yield fellow.cell, place
