"""Word error rate: substitutions, deletions and insertions over the words of the reference.

Alignments are jiwer's. The corpus rate pools all utterances; the mean rate weighs every utterance
alike. A reply without words is all deletions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray

from earmark.scoring.intervals import metric


def count(reference: Sequence[str], hypothesis: Sequence[str]) -> dict[str, int]:
    """Return ``words`` of the reference, ``substitutions``, ``deletions`` and ``insertions``."""
    if not reference or not hypothesis:
        found = {"substitutions": 0, "deletions": len(reference), "insertions": len(hypothesis)}
    else:
        aligned = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
        found = {kind: getattr(aligned, kind) for kind in ("substitutions", "deletions", "insertions")}
    return {"words": len(reference), **found}


def mistakes(counted: dict[str, int]) -> int:
    """Return the errors of an utterance's counts."""
    return counted["substitutions"] + counted["deletions"] + counted["insertions"]


def corpus(counted: Sequence[dict[str, int]], resamples: int, seed: int) -> dict[str, Any]:
    """Return the pooled rate and its bootstrap interval over utterances."""
    errors, words = _arrays(counted)

    def rate(index: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(errors[index].sum(-1) / np.maximum(words[index].sum(-1), 1))

    return metric(rate, len(errors), resamples, seed)


def mean(counted: Sequence[dict[str, int]], resamples: int, seed: int) -> dict[str, Any]:
    """Return the mean of the utterances' rates and its bootstrap interval."""
    errors, words = _arrays(counted)
    rates = errors / np.maximum(words, 1)
    return metric(lambda index: rates[index].mean(-1), len(rates), resamples, seed)


def part(counted: Sequence[dict[str, int]], kind: str, resamples: int, seed: int) -> dict[str, Any]:
    """Return the pooled rate of one kind of error and its bootstrap interval."""
    only = [
        {"words": each["words"], "substitutions": each[kind], "deletions": 0, "insertions": 0}
        for each in counted
    ]
    return corpus(only, resamples, seed)


def _arrays(counted: Sequence[dict[str, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    errors = np.array([mistakes(each) for each in counted], np.int64)
    return errors, np.array([each["words"] for each in counted], np.int64)
