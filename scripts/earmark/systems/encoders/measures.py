"""The metrics of XARES-LLM with intervals, and what stands beside them (xares_llm, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import UserError
from earmark.scoring import error_rate
from earmark.scoring.intervals import Estimate, bootstrap_indices, bounded, ratio, share, standard_error
from earmark.scoring.ranking import Ranking
from earmark.systems.encoders import captions, normal
from earmark.systems.encoders.blocks import MetricArgs

Counted = Callable[[Sequence[str], Sequence[str]], error_rate.Counts]


@dataclass(frozen=True)
class Item:
    """An answer, what would be right, and how likely the model finds each label."""

    id: str
    answer: str
    references: Sequence[str]
    likelihoods: Mapping[str, float] | None = None
    reference: int = 0
    """Which of the clip's texts it is scored against, where each is an item of its own."""


@dataclass(frozen=True)
class Scores:
    """The metrics of a data set; the headline stands for it."""

    headline: str
    metrics: dict[str, Estimate]
    points: list[float]
    """Of each item, what the headline makes of it alone; empty where it is nothing of single items."""
    missing: dict[str, str]
    """Metrics that could not be computed, and why."""
    counts: list[error_rate.Counts] = field(default_factory=list)
    """Of each item, its errors by kind and the length of what is right; empty where none are counted."""
    resamples: list[float] = field(default_factory=list)
    """The headline in every resample of the clips, where it is nothing of single items."""


def each_reference(items: Sequence[Item]) -> list[Item]:
    """Return an item per reference, as upstream scores them."""
    return [
        Item(item.id, item.answer, [text], item.likelihoods, number)
        for item in items
        for number, text in enumerate(item.references)
    ]


def scores(
    metric: str, items: Sequence[Item], args: MetricArgs, *, hard: bool, resamples: int, seed: int
) -> Scores:
    """Return the metrics of some items.

    Args:
        metric: upstream's name: Accuracy, iWER, iCER, mAP, FENSE or DATE.
        items: answers and references.
        args: the classes and the separator of mAP.
        hard: whether mAP of hard labels, upstream's, is the headline of mAP.
        resamples: behind intervals that need them.
        seed: of the resamples.

    Raises:
        UserError: fewer classes are averaged over than there are labels.

    """
    if metric == "Accuracy":
        return _accuracy(items)
    if metric in ("iWER", "iCER"):
        return _errors(metric.lower(), items)
    if metric == "mAP":
        return _labelled(items, args, hard, resamples, seed)
    return _described(metric.lower(), items)


def _accuracy(items: Sequence[Item]) -> Scores:
    said = [normal.normalised(item.answer) for item in items]
    right = [{normal.normalised(text) for text in item.references} for item in items]
    known = set().union(*right) if right else set()
    hits = [answer in texts for answer, texts in zip(said, right, strict=True)]
    found = {"accuracy": share(hits), "outside_labels": share([answer not in known for answer in said])}
    return Scores("accuracy", found, [float(hit) for hit in hits], {})


def _errors(name: str, items: Sequence[Item]) -> Scores:
    """Return one minus an error rate; of several references the nearest counts."""
    count: Counted = error_rate.words if name == "iwer" else error_rate.characters
    counted = [
        min(
            (
                count(normal.normalised(text).split(), normal.normalised(item.answer).split())
                for text in item.references
            ),
            key=error_rate.mistakes,
        )
        for item in items
    ]
    rate = error_rate.corpus(counted)
    value, low, high = (_turned(end) for end in (rate["value"], rate["high"], rate["low"]))
    turned: Estimate = {**rate, "value": value, "low": low, "high": high}
    points = [max(0.0, 1 - error_rate.mistakes(each) / max(1, each["length"])) for each in counted]
    return Scores(name, {name: turned}, points, {}, counted)


def _turned(value: float | None) -> float | None:
    return None if value is None else max(0.0, 1 - value)


def _labelled(items: Sequence[Item], args: MetricArgs, hard: bool, resamples: int, seed: int) -> Scores:
    separator = args.separator
    right = [
        set().union(*(normal.labels(text, separator) for text in item.references)) for item in items
    ]  # fmt: skip
    said = [set(normal.labels(item.answer, separator)) for item in items]
    known = sorted(set().union(*right)) if right else []
    classes = args.num_classes or len(known)
    if classes < len(known):
        raise UserError(
            f"metric_args.num_classes is {classes}, and there are {len(known)} labels in the data; raise it"
        )
    targets = np.array([[label in texts for label in known] for texts in right])
    drawn = bootstrap_indices(len(items), resamples, seed)
    copies = np.stack([np.bincount(row, minlength=len(items)) for row in drawn], 1).astype(np.float32)
    hits = np.array([[label in texts for label in known] for texts in said], np.float64)
    f1 = [2 * len(a & b) / (len(a) + len(b)) for a, b in zip(said, right, strict=True)]
    hard_ap = _average_precision(hits, targets, classes, copies)
    found: dict[str, Estimate] = {
        "map_hard_labels": hard_ap.measured,
        "set_f1": ratio(f1, [1] * len(f1), bounded),
        "outside_labels": share([not labels <= set(known) for labels in said]),
    }
    if all(item.likelihoods is not None for item in items):
        ranked = np.array(
            [[(item.likelihoods or {}).get(label, -np.inf) for label in known] for item in items]
        )
        ranked[~np.isfinite(ranked)] = ranked[np.isfinite(ranked)].min(initial=0.0) - 1
        by_likelihood = _average_precision(ranked, targets, len(known), copies)
        found = {"likelihood_ap": by_likelihood.measured, **found}
    if hard or "likelihood_ap" not in found:
        return Scores("map_hard_labels", found, f1, {}, resamples=hard_ap.resamples)
    return Scores("likelihood_ap", found, f1, {}, resamples=by_likelihood.resamples)


class _Ranked(NamedTuple):
    """Average precision, and what it is in every resample."""

    measured: Estimate
    resamples: list[float]


def _average_precision(
    scored: NDArray[np.float64], targets: NDArray[np.bool_], classes: int, copies: NDArray[np.float32]
) -> _Ranked:
    """Return average precision over ``classes`` columns; those that no clip has count 0."""
    ranking = Ranking(scored, targets)
    once, _ = ranking.measure(np.ones((len(scored), 1), np.float32))
    value = float(np.nansum(once)) / classes
    resampled, _ = ranking.measure(copies)
    absent = np.isnan(resampled)
    means = np.where(absent, 0.0, resampled).sum(0) / np.maximum(1, (~absent).sum(0))
    means = means * len(once) / classes
    return _Ranked(
        bounded(value, standard_error(means, len(scored)), len(scored)), [round(float(m), 6) for m in means]
    )


def _described(name: str, items: Sequence[Item]) -> Scores:
    found = captions.scored(name, [item.answer for item in items], [item.references for item in items])
    if isinstance(found, str):
        return Scores(name, {name: bounded(None, 0.0, len(items))}, [], {name: found})
    spread = ratio(found.clips, [1] * len(items), bounded)
    # mecat's own mean, which it rounds
    return Scores(name, {name: {**spread, "value": found.value}}, found.clips, {})
