"""Routing: which of the models' estimates of a sample counts, decided without knowing its source.

Every model separates every sample once; a router then chooses among the scores. One file of this folder is
one router, with a function ``choose``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """What a router sees of a sample.

    ``shares``: probability of each domain by the query alone, in the domains' order. ``likeness``: by
    model, how much like the query its estimate sounds. ``sdri``: by model, against the source; for the
    oracle alone.
    """

    shares: tuple[float, ...]
    likeness: Mapping[str, float]
    sdri: Mapping[str, float]


@dataclass(frozen=True)
class Options:
    """What config says of routers."""

    domains: tuple[str, ...]
    unsure_above: float = 0.7


def shares(
    query: NDArray[np.floating],
    classes: NDArray[np.floating],
    domain_of: Sequence[int],
    domains: int,
    temperature: float,
) -> NDArray[np.float64]:
    """Return the probability of each domain, given the vectors of queries and of the classes' names.

    A softmax over classes of the nearness of their names, summed by domain: texts are compared with texts,
    for texts and recordings lie apart even in one space.

    Args:
        query: [queries, size], of length 1.
        classes: [classes, size], of length 1.
        domain_of: of each class.
        domains: their number.
        temperature: of the softmax.

    Returns:
        [queries, domains], rows summing to 1.

    """
    nearness = query @ classes.T / temperature
    weights = np.exp(nearness - nearness.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights @ np.eye(domains)[np.asarray(domain_of)], np.float64)


def entropy(probabilities: Sequence[float]) -> float:
    """Return the entropy of probabilities as a share of the greatest there is, between 0 and 1."""
    found = np.asarray(probabilities, np.float64)
    found = found[found > 0]
    return float(-(found * np.log(found)).sum() / np.log(max(len(probabilities), 2)))
