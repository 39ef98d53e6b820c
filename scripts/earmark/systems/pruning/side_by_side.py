"""All methods of a grid side by side: quality against tokens kept, and against the measured prefill.

Models that were trained alike from several seeds count together. A recording is the unit: what the seeds'
models gained or lost on it is added up first, so three seeds don't make three independent samples of one.
Differences are to the unpruned models of the same seeds, and to the best of the methods that kept as much;
their intervals and p-values are corrected for the number of comparisons of either kind on the task.
Prefills come from timings of their own (:mod:`earmark.systems.pruning.speeds`): those of the answers ran
beside whatever else the machine did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from earmark.core.errors import UserError
from earmark.core.seeding import generator
from earmark.report import files
from earmark.scoring.multiple import holm
from earmark.scoring.paired import compare_rates, interval
from earmark.systems.pruning.report.results import Result
from earmark.systems.pruning.speed_record import SpeedRecord

Key = tuple[Any, ...]
Points = Mapping[Key, tuple[int, int]]
"""What each recording adds to the headline, of how much, summed over the models."""


@dataclass(frozen=True)
class Point:
    """One method at one ratio on one task, all seeds together."""

    task: str
    models: str
    """The first of the models that count together."""
    seeds: int
    method: str
    ratio: float
    """Asked to be kept: the share or, above 1, the number of tokens."""
    layer: int
    metric: str
    better: str
    """``higher`` or ``lower``."""
    value: float
    """Of the metric's headline, over all seeds."""
    base: float
    difference: float
    low: float
    """The interval's ends hold for all comparisons of the task together, with 95 % confidence."""
    high: float
    p_adjusted: float
    """After Holm."""
    comparisons: int
    to_best: float
    """Difference to the best method at this ratio; 0 for that one, and for the base."""
    p_to_best: float
    """After Holm over all such comparisons of the task; 1 for the best one itself."""
    recordings: int
    tokens_before: float
    tokens_kept: float
    share_of_layers: float
    prefill_s: float
    """Median of the timing's prompts; nan where none was made, as of a number of tokens."""
    speedup: float
    """Median of (prefill unpruned / prefill, choosing included), side by side."""
    speedup_low: float
    """The smallest and the largest pair: where the median lies, with 97 % for six prompts."""
    speedup_high: float
    choosing: float
    """Time of choosing and merging / time of the unpruned prefill."""


@dataclass(frozen=True)
class _Cell:
    """The results of one method and ratio, one for each model."""

    results: tuple[Result, ...]

    @property
    def models(self) -> frozenset[str]:
        """The models that answered."""
        return frozenset(result.asked["model"] for result in self.results)

    def points(self) -> dict[Key, tuple[int, int]]:
        """Return what each recording adds to the headline, summed over the models that all answered it."""
        each = [result.answers() for result in self.results]
        shared = set.intersection(*(set(answers) for answers in each))
        return {
            key: (sum(answers[key][0] for answers in each), sum(answers[key][1] for answers in each))
            for key in sorted(shared, key=str)
        }

    def mean(self, *path: str) -> float:
        """Return the mean over the models of a number of their records; nan if one has none."""
        found = []
        for result in self.results:
            value: Any = result.record
            for part in path:
                value = None if value is None else value.get(part)
            found.append(np.nan if value is None else float(value))
        return float(np.mean(found))


def points(
    results: Sequence[Path], together: Mapping[str, str], speeds: Sequence[SpeedRecord] = ()
) -> list[Point]:
    """Return the points of all tasks.

    Args:
        results: records of results, those of the unpruned models among them.
        together: of each model the name under which it counts.
        speeds: how long prefills took, of each task and of the first of the models that count together.

    Raises:
        UserError: a result is damaged, an unpruned one is missing, or methods of a task were asked of
            different models.

    """
    cells: dict[tuple[str, str, str, float], list[Result]] = {}
    for path in results:
        found = Result(str(path), files.read(path, "result"))
        asked = found.asked
        ratio = float(asked["keep_ratio"] or asked["keep_tokens"])
        cells.setdefault((asked["task"], together[asked["model"]], asked["method"], ratio), []).append(found)
    timed = {(record.task, record.model): record for record in speeds}
    made: list[Point] = []
    for task, models in sorted({key[:2] for key in cells}):
        own = {key[2:]: _Cell(tuple(found)) for key, found in cells.items() if key[:2] == (task, models)}
        base = next((cell for (method, _), cell in own.items() if method == "base"), None)
        if base is None:
            raise UserError(
                f"{task}: no result of the method base to compare with; add results/{task}_base_1.0"
            )
        others = {key: cell for key, cell in sorted(own.items()) if key[0] != "base"}
        for (method, ratio), cell in others.items():
            _check_models(cell, base, f"{task}: {method} at {ratio:g}")
        made += _of_task(task, models, base, others, timed.get((task, models)))
    return made


def _check_models(cell: _Cell, base: _Cell, what: str) -> None:
    """Check that the same models answered as did unpruned; raises UserError."""
    if cell.models != base.models:
        ours, its = (", ".join(sorted(each.models)) for each in (cell, base))
        raise UserError(
            f"{what} was asked of {ours} and base of {its}; ask the same models in the grid, or compare them "
            "apart"
        )


def _of_task(
    task: str,
    models: str,
    base: _Cell,
    others: Mapping[tuple[str, float], _Cell],
    timed: SpeedRecord | None,
) -> Iterator[Point]:
    """Yield the base itself and all others compared with it, corrected together."""
    whole, headline = base.points(), base.results[0].metric.measures[0]
    gaps = _to_the_best(task, models, {key: cell.points() for key, cell in others.items()}, headline.sign)
    z = NormalDist().inv_cdf(1 - 0.025 / max(1, len(others)))
    compared = {}
    for (method, ratio), cell in others.items():
        ours = cell.points()
        keys = sorted(ours.keys() & whole.keys(), key=str)
        if not keys:
            raise UserError(f"{task}: {method} at {ratio} and base share no recording; make both again")
        mine, its = ([each[key][0] for key in keys] for each in (ours, whole))
        of = [ours[key][1] for key in keys]
        drawn = generator(0, "side by side", task, models, method, str(ratio))
        ends = interval(np.subtract(mine, its), np.array(of), z, np.inf)
        compared[method, ratio] = compare_rates(mine, its, of, drawn), ends
    adjusted = holm([difference.p_value for difference, _ in compared.values()])
    speeds = _speeds(timed)
    everything = [("base", 1.0), *others]
    for number, (method, ratio) in enumerate(everything):
        cell = others.get((method, ratio), base)
        ours = cell.points()
        difference, ends = compared.get((method, ratio), (None, (0.0, 0.0)))
        speed = speeds.get((method, ratio), _UNTIMED)
        share = cell.mean("reduction", "share_of_layers")
        yield Point(
            task=task,
            models=models,
            seeds=len(cell.results),
            method=method,
            ratio=ratio,
            layer=int(cell.mean("reduction", "layer")),
            metric=headline.name,
            better="higher" if headline.sign > 0 else "lower",
            value=_rate(ours),
            base=_rate(whole),
            difference=0.0 if difference is None else difference.difference,
            low=ends[0],
            high=ends[1],
            p_adjusted=1.0 if difference is None else adjusted[number - 1],
            comparisons=len(others),
            to_best=gaps[method, ratio][0] if (method, ratio) in gaps else 0.0,
            p_to_best=gaps[method, ratio][1] if (method, ratio) in gaps else 1.0,
            recordings=len(ours),
            tokens_before=cell.mean("reduction", "tokens_before", "mean"),
            tokens_kept=cell.mean("reduction", "tokens_after", "mean"),
            share_of_layers=share,
            prefill_s=speed.seconds,
            speedup=speed.speedup,
            speedup_low=speed.low,
            speedup_high=speed.high,
            choosing=speed.choosing,
        )


class _Speed(NamedTuple):
    """What a point shows of a timing."""

    seconds: float
    speedup: float
    low: float
    high: float
    choosing: float


_UNTIMED = _Speed(*[np.nan] * 5)


def _speeds(timed: SpeedRecord | None) -> dict[tuple[str, float], _Speed]:
    """Return by method and ratio what was timed, the unpruned prefill included."""
    if timed is None:
        return {}
    found = {
        (p.method, p.ratio): _Speed(p.seconds, p.speedup, p.low, p.high, p.choosing) for p in timed.points
    }
    return {("base", 1.0): _Speed(timed.base_s, 1.0, 1.0, 1.0, 0.0), **found}


def _to_the_best(
    task: str, models: str, others: Mapping[tuple[str, float], Points], sign: int
) -> dict[tuple[str, float], tuple[float, float]]:
    """Return the difference of each method to the best at its ratio and its p-value after Holm.

    Which one is the best is seen from the same recordings, so it looks a little better than it is.
    """
    best: dict[float, str] = {}
    for (method, ratio), own in others.items():
        if ratio not in best or sign * _rate(own) > sign * _rate(others[best[ratio], ratio]):
            best[ratio] = method
    compared = {}
    for (method, ratio), own in others.items():
        if method != best[ratio]:
            first = others[best[ratio], ratio]
            keys = sorted(own.keys() & first.keys(), key=str)
            mine, its = ([each[key][0] for key in keys] for each in (own, first))
            drawn = generator(0, "to the best", task, models, method, str(ratio))
            compared[method, ratio] = compare_rates(mine, its, [own[key][1] for key in keys], drawn)
    adjusted = holm([found.p_value for found in compared.values()])
    return {key: (found.difference, p) for (key, found), p in zip(compared.items(), adjusted, strict=True)}


def _rate(found: Mapping[Key, tuple[int, int]]) -> float:
    """Return the share of what there was to gain."""
    of = sum(each[1] for each in found.values())
    return sum(each[0] for each in found.values()) / of if of else np.nan
