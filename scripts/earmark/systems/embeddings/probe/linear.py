"""Linear probe: how well a linear classifier reads the label off a layer's vectors.

Multinomial logistic regression on standardised vectors (Alain and Bengio 2016, "Understanding
intermediate layers using linear classifier probes"), its strength of regularisation chosen by
cross-validation inside the training part alone. Clips that share an original recording are never
on both sides of a split: not of the outer one, not of the inner ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from earmark.core.errors import UserError
from earmark.scoring.classification import confusion, f1_macro
from earmark.scoring.intervals import Estimate, bounded, ratio, share
from earmark.systems.embeddings.probe.read import Vectors
from earmark.systems.embeddings.probe.record import Layer

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # inverse: the smaller, the more regularised
DEFAULT = 1.0  # where the training part can't be split, as it is of one original recording
OUTER, INNER = 5, 3  # folds
ENOUGH = 10  # sources; fewer say too little of how they differ
ITERATIONS = 2000


@dataclass(frozen=True)
class Split:
    """Which clips train and which test, fold by fold; one fold where the data come split."""

    kind: str
    groups: Ints
    folds: list[tuple[Ints, Ints]]


def source_groups(sources: Sequence[Sequence[str]]) -> Ints:
    """Number the clips so that two that share an original recording, also by way of others, agree."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for names in sources:
        for name in names[1:]:
            parent[root(name)] = root(names[0])
    number: dict[str, int] = {}
    return np.array([number.setdefault(root(names[0]), len(number)) for names in sources], np.int64)


def split(vectors: Vectors, seed: int) -> Split:
    """Return the split of the data, or folds by source where all clips are of one split.

    Raises:
        UserError: an original recording is on both sides, or there are too few to split by.

    """
    groups, labels = source_groups(vectors.sources), np.array(vectors.labels)
    names = np.unique(labels)
    if len(names) < 2:
        raise UserError(f"a probe needs clips of two labels or more; these have {len(names)}")
    train, test = (np.flatnonzero(np.array(vectors.splits) == name) for name in ("train", "test"))
    if len(train) and len(test):
        if len(np.unique(labels[train])) < 2:
            raise UserError(f"all training clips have the label '{labels[train][0]}': nothing to learn")
        made = Split("split", groups, [(train, test)])
    else:
        for name in names:
            if len(np.unique(groups[labels == name])) < 2:
                raise UserError(
                    f"label '{name}' has one original recording only, which can't be on both sides of a "
                    "split; add recordings or leave the label out"
                )
        folds = list(grouped_folds(_numbered(labels, names), groups, OUTER, seed))
        made = Split("grouped folds", groups, folds)
    for fold in made.folds:
        _assert_apart(vectors, made.groups, *fold)
    return made


def grouped_folds(y: Ints, groups: Ints, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield training and test indices of folds by group, labels as even as groups allow."""
    most = min(folds, *(len(np.unique(groups[y == label])) for label in np.unique(y)))
    folder = StratifiedGroupKFold(max(most, 2), shuffle=True, random_state=seed)
    for train, test in folder.split(y, y, groups):
        if len(test):
            yield train.astype(np.int64), test.astype(np.int64)


def _numbered(labels: NDArray[np.str_], names: NDArray[np.str_]) -> Ints:
    return np.searchsorted(names, labels).astype(np.int64)


def _assert_apart(vectors: Vectors, groups: Ints, train: Ints, test: Ints) -> None:
    """Refuse a split with an original recording on both sides."""
    both = np.intersect1d(groups[train], groups[test])
    if both.size:
        a, b = (vectors.clip_ids[side[np.flatnonzero(groups[side] == both[0])[0]]] for side in (train, test))
        raise UserError(
            f"clip '{a}' (train) and clip '{b}' (test) share an original recording: accuracy would be that "
            "of remembering it; split the data by source (data.source.group_pattern)"
        )


def predict(x: Floats, y: Ints, held_out: Floats, strengths: Sequence[float]) -> list[Ints]:
    """Train on [clips, width] once per strength and return each one's labels of the held-out rows."""
    spread = x.std(0)
    spread[spread == 0] = 1
    centred, other = (x - x.mean(0)) / spread, (held_out - x.mean(0)) / spread
    if centred.shape[1] > len(centred):
        # The penalty is a length, which rotations keep: the space the rows span says it all.
        basis = np.linalg.svd(centred, full_matrices=False)[2]
        centred, other = centred @ basis.T, other @ basis.T
    models = (LogisticRegression(C=strength, max_iter=ITERATIONS) for strength in strengths)
    return [model.fit(centred, y).predict(other).astype(np.int64) for model in models]


def choose(x: Floats, y: Ints, groups: Ints, seed: int) -> float:
    """Return the strength with the best mean accuracy over folds by source, the strongest of equals."""
    if len(np.unique(groups)) < 2 or np.bincount(y).max() < 2:
        return DEFAULT
    right = np.zeros(len(STRENGTHS))
    for train, test in grouped_folds(y, groups, INNER, seed):
        if len(np.unique(y[train])) > 1:
            guesses = predict(x[train], y[train], x[test], STRENGTHS)
            right += [np.mean(guess == y[test]) for guess in guesses]
    return STRENGTHS[int(np.argmax(right.round(12)))]


def probe(vectors: Vectors, parts: Split, seed: int) -> Layer:
    """Return what a linear classifier reads off one layer."""
    names, y = np.unique(np.array(vectors.labels), return_inverse=True)
    tested, guessed, strengths = [], [], []
    for train, test in parts.folds:
        x, groups = vectors.values[train], parts.groups[train]
        strength = choose(x, y[train], groups, seed)
        guessed.append(predict(x, y[train], vectors.values[test], [strength])[0])
        tested.append(test)
        strengths.append(strength)
    test, guess = np.concatenate(tested), np.concatenate(guessed)
    truth = y[test]
    return {
        "layer": vectors.layer,
        "width": vectors.values.shape[1],
        "accuracy": _accuracy(guess == truth, parts.groups[test]),
        "f1_macro": float(f1_macro(confusion(truth, guess, len(names)))),
        "n_train": min(len(train) for train, _ in parts.folds),
        "n_test": len(test),
        "test_sources": len(np.unique(parts.groups[test])),
        "chance": float(np.bincount(truth).max() / len(truth)),
        "C": strengths,
    }


def _accuracy(right: NDArray[np.bool_], groups: Ints) -> Estimate:
    """Return accuracy with its interval: over sources, or over clips where that is no way.

    Clips of one recording are alike, so it is recordings that count as samples. Where every clip is its own
    recording that is Wilson's interval; where there are few recordings, Wilson's over clips is all that can
    be said, and speaks of further clips of these alone.
    """
    _, member = np.unique(groups, return_inverse=True)
    sizes, found = np.bincount(member), np.bincount(member, right)
    if len(sizes) in range(ENOUGH, len(right)):
        return {**ratio(found, sizes, bounded), "n": len(right), "interval": "score over sources"}
    return share(right.tolist())
