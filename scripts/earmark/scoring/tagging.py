"""What logits of several trainings amount to: metrics with their two kinds of uncertainty.

A *run* is one training tested on one fold. Two things are kept apart, since they answer two questions: the
interval says what other test clips would have given with these very models, the spread over seeds what
other trainings would have given on these very clips.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from earmark.core.files import Json
from earmark.core.seeding import generator
from earmark.scoring.intervals import Estimate, bounded, standard_error
from earmark.scoring.ranking import Ranking, finite

SINGLE = "single_label"
BLOCK = 64  # resamples at a time: what fits a processor's cache
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """What one training says of the clips of its fold: scores [clips, classes], higher is surer.

    ``targets`` [clips, classes] is what is right.

    Raises:
        ValueError: a score is not a finite number.

    """

    fold: str
    seed: int
    clip_ids: Sequence[str]
    scores: Values
    targets: NDArray[np.bool_]

    def __post_init__(self) -> None:
        finite(self.scores)

    @cached_property
    def ranking(self) -> Ranking:
        """How its clips are ordered by each class."""
        return Ranking(self.scores, self.targets)

    @cached_property
    def best(self) -> NDArray[np.int64]:
        """The class of the highest score [clips]; the first of tied ones."""
        return np.asarray(self.scores.argmax(1), np.int64)

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        """Whether that class is right [clips]."""
        return np.asarray(self.targets[np.arange(len(self.best)), self.best], np.bool_)

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether a clip has any class at all [clips]."""
        return np.asarray(self.targets.any(1), np.bool_)


class Spread(TypedDict):
    """What the seeds gave: how many, and how far apart."""

    n: int
    min: float | None
    max: float | None
    sd: float | None


class Seeded(Estimate):
    """A metric over all seeds."""

    seeds: Spread


@dataclass(frozen=True)
class Scores:
    """Metrics of all runs together, of each class and of each run; ``resampled`` holds each metric's
    value in every resample, which another model's on the same clips can be paired with.
    """

    metrics: dict[str, Seeded]
    per_class: list[Json]
    per_run: list[Json]
    resampled: dict[str, Values]


def headline(kind: str) -> str:
    """Return the metric that stands for a result."""
    return "accuracy" if kind == SINGLE else "mAP"


def top(kind: str) -> str:
    """Return what the share of hits of the best class is called.

    With one right class it is accuracy; with several, or none, it is the share of clips with any class
    whose best class is among them.
    """
    return "accuracy" if kind == SINGLE else "top1_in_labels"


def d_prime(area: Values) -> Values:
    """Return d' = sqrt(2) * inverse normal of an AUC: infinite for a perfect order."""
    return np.asarray(np.sqrt(2) * ndtri(area), np.float64)


def clips_digest(runs: Sequence[Run]) -> str:
    """Return a digest of the clips of each fold and what is right for them, in any order.

    Two results with the same one, drawn with the same seed, drew the same resamples.
    """
    digest = hashlib.sha256()
    seen: dict[str, dict[str, str]] = {}
    for run in runs:
        packed = np.packbits(run.targets, axis=1)
        rows = {clip: row.tobytes().hex() for clip, row in zip(run.clip_ids, packed, strict=True)}
        seen.setdefault(run.fold, {}).update(rows)
    digest.update(json.dumps(seen, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def score(runs: Sequence[Run], classes: Sequence[str], kind: str, resamples: int, seed: int) -> Scores:
    """Score runs; every seed must have been tested on the same folds.

    Average precision and AUC compare scores of one model alone, so they are taken run by run and averaged,
    over classes, then folds, then seeds; classes without a positive clip (for AUC: or a negative one) are
    left out, in each resample anew. Hits are pooled over folds, then averaged over seeds. Resamples draw
    clips with replacement within each fold, the same for every seed.
    """
    folds = list(dict.fromkeys(run.fold for run in runs))
    clips = {fold: _clips(runs, fold) for fold in folds}
    point = _measured(runs, {fold: np.ones((len(clips[fold]), 1), np.float32) for fold in folds}, clips)
    blocks = [_measured(runs, drawn, clips) for drawn in _draws(clips, resamples, seed)]
    seeds = list(dict.fromkeys(run.seed for run in runs))
    hit = top(kind)

    def combined(parts: _Parts) -> dict[str, Values]:
        per_seed = [_seed(parts, [i for i, r in enumerate(runs) if r.seed == s], hit) for s in seeds]
        found = {name: np.mean([each[name] for each in per_seed], 0) for name in per_seed[0]}
        return found | {"d_prime": d_prime(found["mAUC"])}

    values = combined(point)
    resampled = {name: np.concatenate([combined(b)[name] for b in blocks]) for name in values}
    of_seeds = {s: _seed(point, [i for i, r in enumerate(runs) if r.seed == s], hit) for s in seeds}
    n = {name: sum(len(ids) for ids in clips.values()) for name in values}
    n[hit] = sum(int(run.labelled.sum()) for run in runs if run.seed == seeds[0])
    metrics: dict[str, Seeded] = {}
    for name in ("mAP", "mAUC", "d_prime", hit):
        spread = np.array([each[name][0] for each in of_seeds.values()])
        known = "mAUC" if name == "d_prime" else name
        found = _metric(float(values[known][0]), resampled[known], n[name])
        metrics[name] = {**found, "seeds": _spread(spread)}
    # A monotone function of the AUC, which takes its interval along; of a perfect AUC it is infinite.
    area, apart = metrics["mAUC"], metrics["d_prime"]
    apart["value"], apart["low"], apart["high"] = (
        _finite(float(d_prime(np.asarray(end, np.float64))))
        for end in (area["value"], area["low"], area["high"])
    )
    return Scores(metrics, _per_class(runs, classes, point, blocks), _per_run(runs, point, hit), resampled)


@dataclass(frozen=True)
class _Parts:
    """Of each run: average precision and AUC [classes, r], copies of hits and of labelled clips [r]."""

    precision: list[Values]
    area: list[Values]
    hits: list[Values]
    labelled: list[Values]


def _clips(runs: Sequence[Run], fold: str) -> dict[str, int]:
    """Return the clips of a fold, over all seeds, numbered in an order that is theirs alone."""
    return {clip: i for i, clip in enumerate(sorted({c for r in runs if r.fold == fold for c in r.clip_ids}))}


def _draws(
    clips: dict[str, dict[str, int]], resamples: int, seed: int
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield copies of each fold's clips [clips, r] in blocks: a function of the seed and the folds' sizes."""
    generators = {fold: generator(seed, "tagging resamples", fold) for fold in clips}
    for start in range(0, resamples, BLOCK):
        width = min(BLOCK, resamples - start)
        yield {
            fold: np.stack(
                [
                    np.bincount(generators[fold].integers(0, len(ids), len(ids)), minlength=len(ids))
                    for _ in range(width)
                ],
                axis=1,
            ).astype(np.float32)
            for fold, ids in clips.items()
        }


def _measured(
    runs: Sequence[Run], copies: dict[str, NDArray[np.float32]], clips: dict[str, dict[str, int]]
) -> _Parts:
    parts = _Parts([], [], [], [])
    for run in runs:
        mine = copies[run.fold][[clips[run.fold][clip] for clip in run.clip_ids]]
        precision, area = run.ranking.measure(mine)
        parts.precision.append(precision)
        parts.area.append(area)
        parts.hits.append(np.asarray(run.hits @ mine, np.float64))
        parts.labelled.append(np.asarray(run.labelled @ mine, np.float64))
    return parts


def _seed(parts: _Parts, members: Sequence[int], hit: str) -> dict[str, Values]:
    """Return a seed's metrics [r] from its folds."""
    area = np.mean([_mean(parts.area[i]) for i in members], 0)
    pooled = [np.sum([values[i] for i in members], 0) for values in (parts.hits, parts.labelled)]
    with np.errstate(invalid="ignore"):
        share = pooled[0] / pooled[1]
    return {
        "mAP": np.mean([_mean(parts.precision[i]) for i in members], 0),
        "mAUC": area,
        "d_prime": d_prime(area),
        hit: share,
    }


def _mean(values: Values) -> Values:
    """Return the mean over classes that are not NaN; NaN where all are."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(0) / known.sum(0))


def _metric(value: float, resampled: Values, n: int) -> Estimate:
    """Return a value with its interval; null where it is no number."""
    return bounded(_finite(value), standard_error(resampled, n), n)


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def _spread(values: Values) -> Spread:
    known = values[np.isfinite(values)]
    return {
        "n": len(values),
        "min": float(known.min()) if len(known) else None,
        "max": float(known.max()) if len(known) else None,
        "sd": float(known.std(ddof=1)) if len(known) > 1 else None,
    }


def _per_class(
    runs: Sequence[Run], classes: Sequence[str], point: _Parts, blocks: Sequence[_Parts]
) -> list[Json]:
    """Return a row per class: the mean over the runs where it can be measured, and its clips."""
    first = [run for run in runs if run.seed == runs[0].seed]
    positives = np.sum([run.targets.sum(0) for run in first], 0)
    clips = sum(len(run.targets) for run in first)

    def over_runs(pick: Callable[[_Parts], list[Values]]) -> tuple[Values, Values]:
        drawn = [_mean(np.stack(pick(block))) for block in blocks]
        return _mean(np.stack(pick(point)))[:, 0], np.concatenate(drawn, axis=1)

    ap, ap_drawn = over_runs(lambda parts: parts.precision)
    auc, auc_drawn = over_runs(lambda parts: parts.area)
    rows = []
    for i, name in enumerate(classes):
        row: Json = {"class": name, "positives": int(positives[i])}
        row["negatives"] = clips - row["positives"]
        row["ap"] = _metric(ap[i], ap_drawn[i], row["positives"])
        row["auc"] = _metric(auc[i], auc_drawn[i], row["positives"])
        rows.append(row)
    return rows


def _per_run(runs: Sequence[Run], point: _Parts, hit: str) -> list[Json]:
    """Return a row per run: its metrics without intervals, and over how many classes they are."""
    rows = []
    for i, run in enumerate(runs):
        found = {name: _finite(value[0]) for name, value in _seed(point, [i], hit).items()}
        row = {"fold": run.fold, "seed": run.seed, "scored": len(run.clip_ids), **found}
        row["classes_with_positives"] = int((~np.isnan(point.precision[i][:, 0])).sum())
        row["classes_with_both"] = int((~np.isnan(point.area[i][:, 0])).sum())
        rows.append(row)
    return rows
