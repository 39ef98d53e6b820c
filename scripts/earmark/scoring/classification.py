"""Accuracy and F1 of classification answers, with intervals.

An unparsed answer is wrong, so it counts against recall and against accuracy; it predicts no class.
Failed samples are not here at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from earmark.core.files import Json
from earmark.scoring.intervals import metric, share


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return counts [..., classes, classes + 1] of truth against prediction, the last column unparsed.

    ``truth`` and ``predicted`` are [..., n] class numbers, ``predicted`` = ``classes`` for unparsed;
    leading dimensions are resamples.
    """
    width = classes + 1
    flat = truth * width + predicted
    rows = flat.reshape(-1, flat.shape[-1])
    shifted = rows + np.arange(len(rows))[:, None] * classes * width
    counts = np.bincount(shifted.ravel(), minlength=len(rows) * classes * width)
    return counts.reshape(*flat.shape[:-1], classes, width)


def f1_per_class(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return F1 [..., classes] from confusion counts; 0 where a class has neither truth nor prediction."""
    hits = np.diagonal(counts[..., :-1], axis1=-2, axis2=-1)
    total = counts.sum(-1) + counts[..., :-1].sum(-2)
    return np.divide(2.0 * hits, total, out=np.zeros(hits.shape), where=total > 0)


def f1_macro(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean F1 over the classes that occur in truth or prediction."""
    present = (counts.sum(-1) + counts[..., :-1].sum(-2)) > 0
    return np.asarray(f1_per_class(counts).sum(-1) / np.maximum(present.sum(-1), 1))


def f1_weighted(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean F1 weighted by how often each class is the truth."""
    support = counts.sum(-1)
    return np.asarray((f1_per_class(counts) * support).sum(-1) / np.maximum(support.sum(-1), 1))


def score(
    truth: Sequence[str],
    predicted: Sequence[str | None],
    letters: Sequence[str | None],
    predicted_letters: Sequence[str | None],
    resamples: int,
    seed: int,
) -> tuple[Json, list[Json]]:
    """Return the metrics and the per-class table of one evaluation.

    Macro and weighted F1 are over class names; those that end in ``_letters`` are over option letters,
    as in the public AudioMarathon code.
    """
    n = len(truth)
    names, t, p = _encode(truth, predicted)
    right = t == p
    metrics: Json = {"accuracy": share(right.tolist())}
    letter_count, letter_truth, letter_choice = _letters(letters, predicted_letters)
    for name, statistic, classes, a, b in (
        ("f1_macro", f1_macro, len(names), t, p),
        ("f1_weighted", f1_weighted, len(names), t, p),
        ("f1_macro_letters", f1_macro, letter_count, letter_truth, letter_choice),
        ("f1_weighted_letters", f1_weighted, letter_count, letter_truth, letter_choice),
    ):
        metrics[name] = metric(partial(_resampled, statistic, a, b, classes), n, resamples, seed)
    if n == 0:
        return metrics, []
    counts = confusion(t, p, len(names))
    f1 = f1_per_class(counts)
    table = []
    for index, name in enumerate(names):
        support, hits = int(counts[index].sum()), int(counts[index, index])
        chosen = int(counts[:, index].sum())
        table.append(
            {
                "class": name,
                "n": support,
                "accuracy": share(right[t == index].tolist()),
                "precision": hits / chosen if chosen else None,
                "f1": float(f1[index]),
            }
        )
    return metrics, table


def _resampled(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    classes: int,
    indices: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return a statistic of the confusion counts of samples ``indices`` [..., n]."""
    return statistic(confusion(truth[indices], predicted[indices], classes))


def _encode(
    truth: Sequence[str | None], predicted: Sequence[str | None]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return the class names and both sides as numbers, unparsed as the number past the last class."""
    names = sorted({name for name in [*truth, *predicted] if name is not None})
    number: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    number[None] = len(names)
    return (
        names,
        np.array([number[x] for x in truth], np.int64),
        np.array([number[x] for x in predicted], np.int64),
    )


def _letters(
    truth: Sequence[str | None], predicted: Sequence[str | None]
) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    names, t, p = _encode(truth, predicted)
    return len(names), t, p
