"""Results of audio tagging as rows of the summary, paired with what they have to be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earmark.errors import UserError
from earmark.records import NOT_PARQUET
from earmark.scoring.intervals import LEVEL
from earmark.scoring.tagging import headline

SYSTEM = "audio-tagging"
UNMERGED, BASELINE, LABELS = "difference_to_unmerged", "difference_to_baseline", "difference_to_labels_alone"
DIFFERENCES = (UNMERGED, BASELINE, LABELS)
Row = dict[str, Any]


@dataclass(frozen=True)
class Tagged:
    """A result of audio tagging."""

    path: str
    record: dict[str, Any]

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for."""
        return dict(self.record["asked"])

    @property
    def headline(self) -> str:
        """The metric that stands for it."""
        return headline(self.asked["kind"])

    @property
    def unmerged(self) -> bool:
        """Whether nothing was merged in the evaluation."""
        return not any(self.record["tokens"]["merged"])

    def alike(self, *but: str) -> dict[str, Any]:
        """Return what was asked for, but for some keys: equal for two results to be compared."""
        return {key: value for key, value in self.asked.items() if key not in but}

    def same_clips(self, other: Tagged) -> bool:
        """Whether both were scored on the same clips with the same resamples."""
        return all(
            a == b
            for a, b in (
                (self.record["pairing"]["clips"], other.record["pairing"]["clips"]),
                (self.asked["seed"], other.asked["seed"]),
                (self.asked["resamples"], other.asked["resamples"]),
                (self.headline, other.headline),
            )
        )

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


def partners(result: Tagged, results: Sequence[Tagged]) -> dict[str, Tagged]:
    """Return what a result is compared with, by the name of the difference, as far as it is there.

    The same recipe unmerged; the unmerged baseline of its recipe; and for a distilled student the one that
    differs in nothing but learning from labels alone.
    """
    asked, found = result.asked, {}
    others = [each for each in results if each.path != result.path and result.same_clips(each)]
    for other in others:
        theirs = other.asked
        if (
            not result.unmerged
            and other.unmerged
            and result.alike("r", "train_r") == other.alike("r", "train_r")
        ):
            found[UNMERGED] = other
        if theirs["recipe"] == asked["baseline"] and theirs["task"] == asked["task"] and other.unmerged:
            found[BASELINE] = other
        taught = ("recipe", "recipe_title", "teachers", "lambda", "tau", "baseline")
        if asked["teachers"] and not theirs["teachers"] and result.alike(*taught) == other.alike(*taught):
            found.setdefault(LABELS, other)
    return found


def difference(ours: Tagged, theirs: Tagged) -> Row | None:
    """Return the headline metric of ours minus theirs with its paired interval over clips.

    Both met the same clips in every resample, so the interval is that of the difference (percentile
    bootstrap). The spread is that of the differences seed by seed, where both have the same seeds. None
    where either has no value.
    """
    name = ours.headline
    a, b = ours.record["metrics"][name], theirs.record["metrics"][name]
    if a["value"] is None or b["value"] is None:
        return None
    drawn = ours.resampled - theirs.resampled
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    mine, other = per_seed(ours), per_seed(theirs)
    apart = np.array([mine[seed] - other[seed] for seed in mine if seed in other])
    return {
        "value": a["value"] - b["value"],
        "low": float(low),
        "high": float(high),
        "n": min(a["n"], b["n"]),
        "interval": "paired bootstrap",
        **_spread(apart),
    }


def per_seed(result: Tagged) -> dict[int, float]:
    """Return each seed's headline metric, over its folds as the result's."""
    found: dict[int, list[tuple[float, int]]] = {}
    for run in result.record["per_run"]:
        if run[result.headline] is not None:
            found.setdefault(run["seed"], []).append((run[result.headline], run["scored"]))
    pooled = result.headline == "accuracy"
    return {
        seed: float(np.average([v for v, _ in values], weights=[n for _, n in values] if pooled else None))
        for seed, values in found.items()
    }


def _spread(values: NDArray[np.float64]) -> Row:
    if not len(values):
        return {"seeds": 0}
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    return {
        "seeds": len(values),
        "seed_min": float(values.min()),
        "seed_max": float(values.max()),
        "seed_sd": sd,
    }


def _seeds(spread: Mapping[str, Any]) -> Row:
    return {"seeds": spread["n"], **{f"seed_{key}": spread[key] for key in ("min", "max", "sd")}}


def rows(results: Sequence[Tagged], made: Mapping[str, Row]) -> Iterator[Row]:
    """Yield the summary's rows; ``made`` is code and commit by path."""
    for result in results:
        asked, counts, speed = result.asked, result.record["counts"], result.record["speed"]
        shared = {
            "system": SYSTEM,
            "labels": ",".join(sorted(result.record["labels"])),
            "task": asked["task"],
            "model": asked["student"],
            "method": asked["recipe"],
            "r": asked["r"],
            "train_r": asked["train_r"],
            "seed": asked["seed"],
            **{name: counts[name] for name in ("total", "scored", "failed", "skipped")},
            "truncated": counts["cut"],
            **{name: speed[name] for name in ("device", "dtype")},
            **made[result.path],
            "result": result.path,
        }
        yield from ({**shared, **row} for row in _metrics(result))
        for name, other in partners(result, results).items():
            found = difference(result, other)
            if found is not None:
                yield {**shared, "metric": name, **found}


def _metrics(result: Tagged) -> Iterator[Row]:
    for name, found in result.record["metrics"].items():
        plain = {key: value for key, value in found.items() if key != "seeds"}
        yield {"metric": name, **plain, **_seeds(found["seeds"])}
    for row in result.record["per_class"]:
        for name in ("ap", "auc"):
            yield {"metric": f"{name}/{row['class']}", **row[name]}
    for batch in result.record["speed"]["batches"]:
        side = batch["merged"]
        yield {
            "metric": f"speedup/batch {batch['batch']}",
            "value": side["speedup"],
            "low": side["speedup_low"],
            "high": side["speedup_high"],
            "interval": "range of rounds",
        }
        yield {"metric": f"clips_per_s/batch {batch['batch']}", "value": side["clips_per_s"]}
        yield {
            "metric": f"peak_memory_bytes/batch {batch['batch']}",
            "value": side["peak_memory_bytes"],
        }
    yield {"metric": "macs", "value": result.record["speed"]["batches"][0]["merged"]["macs"]}
    yield {"metric": "tokens_left", "value": result.record["tokens"]["tokens"][-1]}


def ordered(results: Iterable[Tagged]) -> list[Tagged]:
    """Return results task by task, recipe by recipe, by how many tokens they merge."""
    return sorted(
        results,
        key=lambda each: (
            each.asked["task"],
            each.asked["recipe"],
            sum(each.record["tokens"]["merged"]),
            each.path,
        ),
    )
