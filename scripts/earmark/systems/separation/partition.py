"""Domains of classes that sound alike: k-means over the classes' mean embeddings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.systems.separation.query.contract import Vectors, unit

_STARTS = 10
_PUBLISHED_SEED = 42
_REPEATS = 8
_GROUPS = "separation.partition.groups"


@dataclass(frozen=True)
class Classes:
    """Classes and their mean embeddings, [classes, size]; ``clips`` were heard of each."""

    names: tuple[str, ...]
    means: Vectors
    clips: tuple[int, ...]


@dataclass(frozen=True)
class Domain:
    """A group of classes, with a name that stays the same as long as its first class does."""

    name: str
    classes: tuple[str, ...]


def means(
    vectors: Vectors,
    labels: Sequence[Sequence[str]],
    as_published: bool,
    rng: np.random.Generator | None = None,
) -> Classes:
    """Return the classes' means over clips; a clip of n labels counts 1/n for each of them.

    Args:
        vectors: of the clips, [clips, size].
        labels: of each clip.
        as_published: the means are left as they are, and every clip counts 1 for each label.
        rng: of a resample of the clips, for the stability; a class that it misses keeps its own mean.

    """
    names = tuple(sorted({label for each in labels for label in each}))
    place = {name: number for number, name in enumerate(names)}
    weights = np.zeros((len(names), len(vectors)))
    for clip, each in enumerate(labels):
        for label in each:
            weights[place[label], clip] = 1.0 if as_published else 1.0 / len(each)
    drawn = weights
    if rng is not None:
        times = np.bincount(rng.integers(len(vectors), size=len(vectors)), minlength=len(vectors))
        found = weights * times
        drawn = np.where(found.sum(1, keepdims=True) > 0, found, weights)
    made = drawn @ vectors / drawn.sum(1, keepdims=True)
    counts = tuple(int(row) for row in (weights > 0).sum(1))
    return Classes(names, np.asarray(made, np.float32) if as_published else unit(made), counts)


def grouped(classes: Classes, domains: int, seed: int, as_published: bool) -> list[Domain]:
    """Return the classes in so many domains, ordered and named by their first class.

    Raises:
        UserError: there are fewer classes than domains.

    """
    labels = _assigned(classes.means, domains, _PUBLISHED_SEED if as_published else seed, as_published)
    return named({name: int(label) for name, label in zip(classes.names, labels, strict=True)})


def named(assigned: Mapping[str, int]) -> list[Domain]:
    """Return the domains of an assignment, ``domain-0`` the one with the alphabetically first class."""
    groups: dict[int, list[str]] = {}
    for name in sorted(assigned):
        groups.setdefault(assigned[name], []).append(name)
    return [Domain(f"domain-{number}", tuple(each)) for number, each in enumerate(groups.values())]


def given(groups: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[Domain]:
    """Return a user's own domains.

    Raises:
        UserError: a class is unknown, in two domains, or in none.

    """
    seen: dict[str, str] = {}
    for group, classes in groups.items():
        for name in classes:
            if name not in names:
                raise UserError(f"{_GROUPS}.{group}: unknown class '{name}'; {nearest(name, names)}")
            if name in seen:
                raise UserError(f"{_GROUPS}: '{name}' is in {seen[name]} and in {group}; leave it in one")
            seen[name] = group
    left = [name for name in names if name not in seen]
    if left:
        raise UserError(f"{_GROUPS}: '{left[0]}' is in no group ({len(left)} such); add it to one")
    return [Domain(group, tuple(sorted(classes))) for group, classes in groups.items()]


def curve(
    vectors: Vectors,
    labels: Sequence[Sequence[str]],
    candidates: Sequence[int],
    seed: int,
    as_published: bool,
) -> list[Json]:
    """Return inertia, silhouette and stability of several numbers of domains.

    The stability is the mean adjusted Rand index between the partition and those of resampled clips: 1 where
    the clips that happened to be at hand don't matter.
    """
    from sklearn.metrics import adjusted_rand_score, silhouette_score  # slow to import

    classes = means(vectors, labels, as_published)
    rows = []
    for domains in candidates:
        if domains >= len(classes.names):
            continue
        found = _fitted(classes.means, domains, seed, as_published)
        if len(set(found.tolist())) < domains:
            continue  # some classes sound the same to the last digit
        centres = np.stack([classes.means[found == each].mean(0) for each in range(domains)])
        others = [
            _fitted(
                means(vectors, labels, as_published, np.random.default_rng([seed, domains, number])).means,
                domains,
                seed,
                as_published,
            )
            for number in range(_REPEATS)
        ]
        rows.append(
            {
                "domains": domains,
                "inertia": round(float(np.square(classes.means - centres[found]).sum()), 6),
                "silhouette": round(float(silhouette_score(classes.means, found)), 6),
                "stability": round(float(np.mean([adjusted_rand_score(found, each) for each in others])), 6),
            }
        )
    return rows


def _assigned(vectors: Vectors, domains: int, seed: int, as_published: bool) -> NDArray[np.int64]:
    """Return the number of each class's domain; raises UserError if there are not so many domains."""
    if domains > len(vectors):
        raise UserError(
            f"separation.partition.domains: {domains} domains of {len(vectors)} classes; lower it"
        )
    found = _fitted(vectors, domains, seed, as_published)
    apart = len(set(found.tolist()))
    if apart < domains:
        raise UserError(
            f"separation.partition.domains: {domains} domains, and the classes have no more than {apart} "
            "different sounds; lower it, or are their recordings the same?"
        )
    return found


def _fitted(vectors: Vectors, domains: int, seed: int, as_published: bool) -> NDArray[np.int64]:
    """Return the number of each class's domain by k-means."""
    from sklearn.cluster import KMeans  # slow to import

    groups = KMeans(domains, n_init=1 if as_published else _STARTS, random_state=seed)
    with warnings.catch_warnings(action="ignore"):  # of fewer clusters; the callers look
        return np.asarray(groups.fit_predict(vectors.astype(np.float64)))
