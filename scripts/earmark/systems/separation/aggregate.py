"""Means in dB with intervals: samples of one recording are not independent, so recordings are resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.core.files import Json
from earmark.scoring.intervals import quantile, standard_error
from earmark.systems.separation.sets.tables import Aggregation

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """Whose values are aggregated: each sample's class and source recording."""

    labels: Sequence[str | None]
    sources: Sequence[str]
    aggregation: Aggregation
    resamples: int
    seed: int

    def metric(self, values: Values) -> Json:
        """Return the aggregated value with its 95 % interval, as a metric of a record."""
        value, error, units = self._estimate(values)
        low = high = None
        if error > 0:
            half = quantile(units) * error
            low, high = value - half, value + half
        return {"value": value, "low": low, "high": high, "n": len(values), "interval": "student"}

    def difference(self, ours: Values, theirs: Values) -> Json:
        """Return ours minus theirs on the same samples, with its interval and the chance of so much by luck.

        The p-value is of an approximate randomisation test that swaps the two systems source by source
        (Noreen 1989).
        """
        gaps = ours - theirs
        found = self.metric(gaps)
        members = self._members(self.sources)
        signs = np.ones((self.resamples, len(gaps)))
        drawn = np.random.default_rng([self.seed, 1]).integers(2, size=(self.resamples, len(members))) * 2 - 1
        for place, each in enumerate(members):
            signs[:, each] = drawn[:, [place]]
        swapped = np.abs([self._value(row) for row in signs * gaps])
        extreme = int((swapped >= abs(found["value"]) - 1e-12).sum())
        return {**found, "interval": "paired", "p_value": (extreme + 1) / (self.resamples + 1)}

    def per_class(self, values: Values) -> list[Json]:
        """Return the mean and its interval of each class, by name; nothing of a set without classes."""
        known = {label for label in self.labels if label is not None}
        rows = []
        for label, each in zip(sorted(known), self._members(self.labels) if known else [], strict=True):
            chosen = [self.sources[number] for number in each]
            alone = Samples([label] * len(each), chosen, "mean", self.resamples, self.seed)
            rows.append({"class": label, "sdri": alone.metric(values[each])})
        return rows

    def _estimate(self, values: Values) -> tuple[float, float, int]:
        """Return the value, its standard error, and how many independent units stand behind it."""
        members = self._members(self.sources)
        drawn = np.random.default_rng(self.seed)
        if self.aggregation == "mean":
            sums, counts = np.array([[values[each].sum(), len(each)] for each in members]).T
            rows = drawn.integers(len(members), size=(self.resamples, len(members)))
            resampled = sums[rows].sum(1) / counts[rows].sum(1)
        else:
            # Classes stay as they are; what is drawn again are their recordings.
            classes = self._members(self.labels)
            resampled = np.mean([self._drawn_again(values, each, drawn) for each in classes], axis=0)
        units = len(members)
        error = standard_error(np.asarray(resampled), units) if units > 1 else 0.0
        return self._value(values), error, units

    def _drawn_again(
        self, values: Values, members: NDArray[np.int64], drawn: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the values of a class whose recordings are drawn again, once for every resample."""
        _, recording = np.unique([self.sources[number] for number in members], return_inverse=True)
        recordings = int(recording.max()) + 1
        shares = np.full(recordings, 1 / recordings)
        times = drawn.multinomial(recordings, shares, size=self.resamples)[:, recording]
        own = values[members]
        if not self.aggregation.startswith("median"):
            return np.asarray(times @ own / times.sum(1))
        order = np.argsort(own)
        up_to = np.cumsum(times[:, order], axis=1)
        total = up_to[:, -1:]
        middle = [np.argmax(up_to > rank, axis=1) for rank in ((total - 1) // 2, total // 2)]
        return np.asarray(own[order][middle].mean(0))

    def _value(self, values: Values) -> float:
        if self.aggregation == "mean":
            return float(values.mean())
        middle = np.median if self.aggregation.startswith("median") else np.mean
        return float(np.mean([middle(values[each]) for each in self._members(self.labels)]))

    @staticmethod
    def _members(names: Sequence[str | None]) -> list[NDArray[np.int64]]:
        """Return the numbers of the samples of each name, by name."""
        _, codes = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
        order = np.argsort(codes, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
