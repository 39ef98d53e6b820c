"""Correction of p-values for the number of comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from earmark.core.files import Json


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given (Holm, Scand. J. Statist. 6, 1979).

    Those below 0.05 belong to comparisons that all hold together with 95 % confidence, whatever depends on
    whatever. The k-th smallest of m is multiplied by ``m - k + 1`` (k from 1); none is below a smaller one's.
    """
    m, highest = len(p_values), 0.0
    adjusted = [1.0] * m
    for rank, index in enumerate(sorted(range(m), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (m - rank)))
        adjusted[index] = highest
    return adjusted


def correct(family: Iterable[Json]) -> None:
    """Correct the p-values of rows of comparisons that belong together for their number, in place.

    Each gets ``p_adjusted`` and the number of ``comparisons``.
    """
    rows = list(family)
    for row, p_value in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_adjusted"], row["comparisons"] = p_value, len(rows)
