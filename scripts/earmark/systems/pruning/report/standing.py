"""How runs stand among each other: against the best of those that keep as much, and over all tasks.

Rows of the first kind belong to a result. Those of the second are of the type ``mean`` and have no task: a
cell (method, budget, layer) has a mean only where every task of its group has a result, and means are taken
over one metric alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earmark.core.seeding import generator
from earmark.report.known import VALUES, Known
from earmark.report.remembered import Remembered
from earmark.scoring import catalogue, resampled
from earmark.scoring.intervals import bounded, rate
from earmark.scoring.multiple import correct
from earmark.systems.contract import Row
from earmark.systems.pruning.report.answered import Reader
from earmark.systems.pruning.report.comparison import DIFFERENCE, compared

TO_BEST = "difference_to_best"
WIN_RATE = "win_rate"
MEAN = "mean"
"""The type of rows over several tasks."""

DRAWS, CHUNK = 10_000, 1000
SETTINGS = ("method", "reducer", "compresses", "layer", "keep_ratio", "keep_tokens")
SHARED = (
    *("source", "system", "labels", "model", "seed", "profile", "device", "dtype", "attention", "packages"),
    *SETTINGS,
)
Array = NDArray[np.float64]


class Cell(NamedTuple):
    """What a run was asked for, whatever the task."""

    method: str
    layer: int
    ratio: float
    tokens: int


def rows(known: Sequence[Known], memory: Remembered, reader: Reader) -> list[Row]:
    """Return the rows against the best of each budget, and those over tasks."""
    known = [each for each in known if "comparable" in each.about]
    return [*_to_best(known, memory, reader), *_over_tasks(known, memory, reader)]


def _cell(each: Known) -> Cell:
    row = each.rows[0]
    return Cell(row["method"], row["layer"] or 0, row["keep_ratio"] or 0.0, row["keep_tokens"] or 0)


def _grouped(known: Sequence[Known], key: Callable[[Known], Any]) -> dict[Any, list[Known]]:
    found: dict[Any, list[Known]] = {}
    for each in sorted(known, key=lambda each: str(each.path)):
        found.setdefault(key(each), []).append(each)
    return found


def _sign(metric: str) -> int:
    return catalogue.of_answers(metric).measures[0].sign


def _to_best(known: Sequence[Known], memory: Remembered, reader: Reader) -> list[Row]:
    """Compare the runs of one task and budget with the best of them, corrected together."""
    made: list[Row] = []
    reduced = [each for each in known if not each.about["is_base"] and each.rows[0]["value"] is not None]
    for members in _grouped(reduced, lambda each: (each.about["comparable"], _cell(each)[2:])).values():
        sign = _sign(members[0].about["metric"])
        best = max(members, key=lambda each: sign * each.rows[0]["value"])
        family = []
        for each in members:
            if each is best:
                continue
            names = [str(each.path), each.digest, each.samples, str(best.path), best.digest, best.samples]
            found = memory.get(["best", *names], partial(compared, each, best, reader, TO_BEST))
            if found is not None:
                family.append(each.compared(found))
        correct(family)
        made += family
    return made


def _over_tasks(known: Sequence[Known], memory: Remembered, reader: Reader) -> list[Row]:
    made: list[Row] = []
    for members in _grouped(known, lambda each: each.about["across"]).values():
        tasks = sorted({each.rows[0]["task"] for each in members})
        cells = {
            cell: {each.rows[0]["task"]: each for each in found}
            for cell, found in _grouped(members, _cell).items()
        }
        whole = {cell: found for cell, found in cells.items() if len(found) == len(tasks)}
        if len(tasks) > 1 and whole:
            every = [found[task] for found in whole.values() for task in tasks]
            names = [text for each in every for text in (str(each.path), each.digest, each.samples)]
            made += memory.get(["mean", *names], partial(_means, tasks, whole, reader))
    return made


def _means(tasks: Sequence[str], cells: Mapping[Cell, Mapping[str, Known]], reader: Reader) -> list[Row]:
    """Return mean, difference to the base and to the best, and win rate of every cell, resampled together."""
    first = next(iter(next(iter(cells.values())).values()))
    metric = catalogue.of_answers(first.about["metric"])
    parts = [_scores(task, [found[task] for found in cells.values()], reader) for task in tasks]
    values, drawn = np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])
    n = sum(part[2] for part in parts)
    name, sign = metric.measures[0].name, _sign(first.about["metric"])
    note = f"mean over {len(tasks)} tasks: {', '.join(tasks)}"
    mean, means = values.mean(0), drawn.mean(0)
    order = list(cells)
    base = next((i for i, found in enumerate(cells.values()) if found[tasks[0]].about["is_base"]), None)
    kind = bounded if sign > 0 else rate
    made: dict[int, list[Row]] = {}
    for i, found in enumerate(cells.values()):
        row = found[tasks[0]].rows[0]
        shared = {key: row.get(key) for key in SHARED} | {"type": MEAN, "note": note}
        made[i] = [{**shared, "metric": name, **kind(float(mean[i]), float(means[i].std(ddof=1)), n)}]
    to_base, to_best = [], []
    for i in made:
        if base is not None and i != base:
            to_base.append(
                _between(made[i][0], name, mean[i] - mean[base], means[i] - means[base], DIFFERENCE)
            )
    for rivals in _rivals(order, base):
        best = max(rivals, key=lambda i: sign * mean[i])
        family = [
            _between(made[i][0], name, mean[i] - mean[best], means[i] - means[best], TO_BEST)
            for i in rivals
            if i != best
        ]
        correct(family)
        to_best += family
        made |= {i: [*made[i], _wins(made[i][0], i, rivals, sign * values, sign * drawn)] for i in rivals}
    correct(to_base)
    return [*(row for each in made.values() for row in each), *to_base, *to_best]


def _scores(task: str, known: Sequence[Known], reader: Reader) -> tuple[Array, Array, int]:
    """Return the headline of each result [results] and of each resample [results, draws] of their samples.

    All results meet the same samples in a resample; one that lacks some goes by those it has.
    """
    points = reader.aligned(known)
    hits, sizes, n = points[..., 0], points[..., 1], points.shape[1]
    rng = generator(known[0].rows[0]["seed"] or 0, "mean over tasks", task)
    shares, drawn = np.full(n, 1 / n), []
    for _ in range(DRAWS // CHUNK):
        weights = rng.multinomial(n, shares, size=CHUNK).T.astype(np.float64)
        drawn.append((hits @ weights) / np.maximum(sizes @ weights, 1))
    return hits.sum(-1) / np.maximum(sizes.sum(-1), 1), np.concatenate(drawn, -1), n


def _rivals(cells: Sequence[Cell], base: int | None) -> list[list[int]]:
    """Return the places of the cells that keep as much, for every budget that several cells have."""
    found: dict[tuple[float, int], list[int]] = {}
    for i, cell in enumerate(cells):
        if i != base:
            found.setdefault((cell.ratio, cell.tokens), []).append(i)
    return [each for each in found.values() if len(each) > 1]


def _between(row: Row, name: str, value: float, drawn: Array, metric: str) -> Row:
    found = resampled.difference(name, float(value), drawn, row["n"])
    return {**row, **dict.fromkeys(VALUES), **found, "metric": metric}


def _wins(row: Row, i: int, rivals: Sequence[int], values: Array, drawn: Array) -> Row:
    """Return the share of the others that a cell beats at its budget, over tasks; a tie is half a win."""
    others = [j for j in rivals if j != i]

    def won(scores: Array) -> Array:
        ours, theirs = scores[:, [i]], scores[:, others]
        return np.asarray(((ours > theirs) + 0.5 * (ours == theirs)).mean((0, 1)))

    low, high = np.percentile(won(drawn), [2.5, 97.5])
    found = {"value": float(won(values)), "low": float(low), "high": float(high), "interval": "bootstrap"}
    return {**row, **dict.fromkeys(VALUES), **found, "n": row["n"], "metric": WIN_RATE}
