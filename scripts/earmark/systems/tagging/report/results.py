"""Results of audio tagging, and what each of them has to be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import NOT_PARQUET
from earmark.core.versions import told
from earmark.report import files
from earmark.report.known import Known
from earmark.report.remembered import Remembered
from earmark.scoring import resampled
from earmark.scoring.multiple import correct
from earmark.scoring.tagging import headline
from earmark.systems.contract import Row

UNMERGED, BASELINE, LABELS = "difference_to_unmerged", "difference_to_baseline", "difference_to_labels_alone"


@dataclass(frozen=True)
class Tagged:
    """A result of audio tagging."""

    path: str
    record: Json

    @property
    def asked(self) -> Json:
        """What was asked for."""
        return dict(self.record["asked"])

    @property
    def headline(self) -> str:
        """The metric that stands for it."""
        return headline(self.asked["kind"])

    @property
    def value(self) -> float | None:
        """The value of that metric."""
        value: float | None = self.record["metrics"][self.headline]["value"]
        return value

    @property
    def unmerged(self) -> bool:
        """Whether nothing was merged in the evaluation."""
        return not any(self.record["tokens"]["merged"])

    def alike(self, *but: str) -> Json:
        """Return what was asked for, but for some keys: equal for two results to be compared."""
        return {key: value for key, value in self.asked.items() if key not in but}

    def same_clips(self, other: Tagged) -> bool:
        """Whether both were scored on the same clips with the same resamples."""
        mine, theirs = (
            [each.headline, each.record["pairing"]["clips"], each.asked["seed"], each.asked["resamples"]]
            for each in (self, other)
        )
        return mine == theirs

    @cached_property
    def versions(self) -> str:
        """The versions of packages that made its numbers: of scoring, and of every student's training."""
        made = self.record["provenance"]
        trained = [run["student"].get("packages", {}) for run in made.get("runs", {}).values()]
        named = {text for each in (made.get("packages", {}), *trained) for text in told(each).split(", ")}
        return ", ".join(sorted(named - {""}))

    @cached_property
    def resampled(self) -> NDArray[np.float64]:
        """The headline metric in every resample; raises UserError if the file beside it is not there."""
        path = Path(self.path).with_name(self.record["pairing"]["resamples"])
        try:
            values = pd.read_parquet(path)[self.headline].to_numpy(np.float64)
        except (OSError, KeyError, *NOT_PARQUET) as error:
            raise UserError(
                f"{path}, the resamples of {self.path}, can't be read ({error}); delete {self.path} to make "
                "both again"
            ) from None
        return values

    def per_seed(self) -> dict[int, float]:
        """Return each seed's headline metric, over its folds as the result's."""
        found: dict[int, list[tuple[float, int]]] = {}
        for run in self.record["per_run"]:
            if run[self.headline] is not None:
                found.setdefault(run["seed"], []).append((run[self.headline], run["scored"]))
        return {seed: resampled.over_folds(self.headline, values) for seed, values in found.items()}


def read(paths: Iterable[Path]) -> list[Tagged]:
    """Read results of audio tagging; raises UserError for a file that is none."""
    return [Tagged(str(path), files.read(path, "tagging_result")) for path in sorted(paths)]


def partners(result: Tagged, results: Sequence[Tagged]) -> dict[str, Tagged]:
    """Return what a result is compared with, by the name of the difference, as far as it is there.

    The same recipe unmerged; the unmerged baseline of its recipe; and for a distilled student the one that
    differs in nothing but learning from labels alone.
    """
    asked, found = result.asked, {}
    taught = ("recipe", "recipe_title", "teachers", "lambda", "tau", "baseline")
    for other in results:
        if other.path == result.path or not result.same_clips(other):
            continue
        if other.versions != result.versions:  # marked where the results stand, and not compared
            continue
        theirs = other.asked
        same = result.alike("r", "train_r") == other.alike("r", "train_r")
        if same and other.unmerged and not result.unmerged:
            found[UNMERGED] = other
        if theirs["recipe"] == asked["baseline"] and theirs["task"] == asked["task"] and other.unmerged:
            found[BASELINE] = other
        if asked["teachers"] and not theirs["teachers"] and result.alike(*taught) == other.alike(*taught):
            found.setdefault(LABELS, other)
    return found


def difference(ours: Tagged, theirs: Tagged) -> Row | None:
    """Return the headline metric of ours minus theirs with its paired interval over clips.

    Both met the same clips in every resample, so the interval is that of the difference. The spread is
    that of the differences seed by seed, where both have the same seeds. None where either has no value.
    """
    if ours.value is None or theirs.value is None:
        return None
    apart = ours.value - theirs.value
    clips = min(each.record["metrics"][each.headline]["n"] for each in (ours, theirs))
    mine, other = ours.per_seed(), theirs.per_seed()
    return {
        **resampled.difference(ours.headline, apart, ours.resampled - theirs.resampled, clips),
        **resampled.over_seeds([mine[seed] - other[seed] for seed in mine if seed in other]),
    }


def differences(results: Sequence[Tagged]) -> dict[tuple[str, str], Row]:
    """Return the row of every comparison that can be made, by the result's path and the difference's name.

    p-values are corrected for the number of comparisons of one kind with the same result.
    """
    made: dict[tuple[str, str], Row] = {}
    families: dict[tuple[str, str], list[Row]] = {}
    for result in results:
        for name, other in partners(result, results).items():
            found = difference(result, other)
            if found is not None:
                row = made[result.path, name] = {"metric": name, **found}
                families.setdefault((name, other.path), []).append(row)
    for family in families.values():
        correct(family)
    return made


def rows(known: Sequence[Known], memory: Remembered) -> list[Row]:
    """Return a row for each result and what it can be compared with, for the summary."""
    found = {str(each.path): each for each in known if each.rows[0]["type"] == "quality"}
    return [
        found[path].compared(row)
        for (path, _), row in differences(read(each.path for each in found.values())).items()
    ]


def ordered(results: Iterable[Tagged]) -> list[Tagged]:
    """Return results task by task, recipe by recipe, by how many tokens they merge."""

    def key(each: Tagged) -> tuple[Any, ...]:
        merged = sum(each.record["tokens"]["merged"])
        return each.asked["task"], each.asked["recipe"], merged, each.path

    return sorted(results, key=key)
