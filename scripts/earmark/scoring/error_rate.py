"""Error rates: substitutions, deletions and insertions in words or characters, over the reference's length.

Alignments are jiwer's. The corpus rate pools all utterances; the mean rate weighs every utterance
alike. A reply without words is all deletions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray

from earmark.scoring.intervals import metric

Counts = dict[str, int]
KINDS = ("substitutions", "deletions", "insertions")


def words(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """Return ``length`` of the reference in words, ``substitutions``, ``deletions`` and ``insertions``."""
    if not reference or not hypothesis:
        return _unaligned(len(reference), len(hypothesis))
    return _counts(len(reference), jiwer.process_words(" ".join(reference), " ".join(hypothesis)))


def characters(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """Return the same in characters; words are parted by one space, which is a character too."""
    right, given = " ".join(reference), " ".join(hypothesis)
    if not right or not given:
        return _unaligned(len(right), len(given))
    return _counts(len(right), jiwer.process_characters(right, given))


def _unaligned(deleted: int, inserted: int) -> Counts:
    return {"length": deleted, "substitutions": 0, "deletions": deleted, "insertions": inserted}


def _counts(length: int, aligned: jiwer.WordOutput | jiwer.CharacterOutput) -> Counts:
    return {"length": length, **{kind: int(getattr(aligned, kind)) for kind in KINDS}}


def mistakes(counted: Mapping[str, int]) -> int:
    """Return the errors of an utterance's counts."""
    return sum(counted[kind] for kind in KINDS)


def corpus(counted: Sequence[Mapping[str, int]], resamples: int, seed: int) -> dict[str, Any]:
    """Return the pooled rate and its bootstrap interval over utterances."""
    errors, length = _arrays(counted)

    def rate(index: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(errors[index].sum(-1) / np.maximum(length[index].sum(-1), 1))

    return metric(rate, len(errors), resamples, seed)


def mean(counted: Sequence[Mapping[str, int]], resamples: int, seed: int) -> dict[str, Any]:
    """Return the mean of the utterances' rates and its bootstrap interval."""
    errors, length = _arrays(counted)
    rates = errors / np.maximum(length, 1)
    return metric(lambda index: rates[index].mean(-1), len(rates), resamples, seed)


def part(counted: Sequence[Mapping[str, int]], kind: str, resamples: int, seed: int) -> dict[str, Any]:
    """Return the pooled rate of one kind of error and its bootstrap interval."""
    only = [
        {"length": each["length"], "substitutions": each[kind], "deletions": 0, "insertions": 0}
        for each in counted
    ]
    return corpus(only, resamples, seed)


def _arrays(counted: Sequence[Mapping[str, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    errors = np.array([mistakes(each) for each in counted], np.int64)
    return errors, np.array([each["length"] for each in counted], np.int64)
