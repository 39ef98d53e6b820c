"""Error rates: substitutions, deletions and insertions in words or characters, over the reference's length.

Alignments are jiwer's. The corpus rate pools all utterances; the mean rate weighs every utterance
alike. A reply without words is all deletions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from earmark.scoring.intervals import Estimate, ratio

if TYPE_CHECKING:
    import jiwer

Counts = dict[str, int]
KINDS = ("substitutions", "deletions", "insertions")


def words(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """Return ``length`` of the reference in words, ``substitutions``, ``deletions`` and ``insertions``."""
    if not reference or not hypothesis:
        return _unaligned(len(reference), len(hypothesis))
    import jiwer  # slow to import, and this is read when the workflow is parsed

    return _counts(len(reference), jiwer.process_words(" ".join(reference), " ".join(hypothesis)))


def characters(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """Return the same in characters; words are parted by one space, which is a character too."""
    right, given = " ".join(reference), " ".join(hypothesis)
    if not right or not given:
        return _unaligned(len(right), len(given))
    import jiwer

    return _counts(len(right), jiwer.process_characters(right, given))


def _unaligned(deleted: int, inserted: int) -> Counts:
    return {"length": deleted, "substitutions": 0, "deletions": deleted, "insertions": inserted}


def _counts(length: int, aligned: jiwer.WordOutput | jiwer.CharacterOutput) -> Counts:
    return {"length": length, **{kind: int(getattr(aligned, kind)) for kind in KINDS}}


def mistakes(counted: Mapping[str, int]) -> int:
    """Return the errors of an utterance's counts."""
    return sum(counted[kind] for kind in KINDS)


def corpus(counted: Sequence[Mapping[str, int]], kinds: Sequence[str] = KINDS) -> Estimate:
    """Return the pooled rate of the kinds of errors, with its interval over utterances."""
    errors = [sum(each[kind] for kind in kinds) for each in counted]
    return ratio(errors, [each["length"] for each in counted])


def mean(counted: Sequence[Mapping[str, int]]) -> Estimate:
    """Return the mean of the utterances' rates, with its interval over utterances."""
    rates = [mistakes(each) / max(each["length"], 1) for each in counted]
    return ratio(rates, [1] * len(rates))
