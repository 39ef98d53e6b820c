"""What a router's choices amount to on a set: a table operation over the scores of every model."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.records import OK, read_jsonl
from earmark.scoring import record as envelope
from earmark.scoring.record import Failure
from earmark.systems.separation.aggregate import Samples, Values
from earmark.systems.separation.routing.contract import BASE, SOFT, Options, Sample

METRICS = ("sdri", "si_sdri", "sdr", "si_sdr", "mixture_sdr")
UPPER_BOUND = "an upper bound: the best model of each sample, chosen with its source in hand"
Row = dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """The rows of every model on a set: of the base, of every domain, and of their merge if asked."""

    rows: Mapping[str, list[Row]]
    described: Mapping[str, Any]

    @classmethod
    def read(cls, paths: Mapping[str, Path], described: Mapping[str, Any]) -> Inputs:
        """Read the rows beside some records; raises UserError if they are not of the same samples."""
        rows = {model: read_jsonl(path.with_suffix(".jsonl")) for model, path in paths.items()}
        names = {tuple(row["sample"] for row in each) for each in rows.values()}
        if len(names) != 1:
            raise UserError(f"{', '.join(map(str, paths.values()))} are of different samples; delete them")
        return cls(rows, described)

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains."""
        return tuple(model for model in self.rows if model not in (BASE, SOFT))

    @property
    def usable(self) -> list[int]:
        """The numbers of the samples that every model has a score of."""
        columns = zip(*self.rows.values(), strict=True)
        return [number for number, row in enumerate(columns) if all(each["status"] == OK for each in row)]

    @property
    def failed(self) -> list[Failure]:
        """What some model has no score of, with the first reason."""
        found = []
        for row in zip(*self.rows.values(), strict=True):
            bad = next((each for each in row if each["status"] != OK), None)
            if bad is not None:
                found.append(Failure(bad["sample"], bad["reason"]))
        return found

    def values(self, chosen: Sequence[str], name: str) -> Values:
        """Return a score of the chosen model of each usable sample."""
        pairs = zip(self.usable, chosen, strict=True)
        return np.array([self.rows[model][number][name] for number, model in pairs], np.float64)


def record(
    settings: Mapping[str, Any],
    inputs: Inputs,
    domains: Sequence[Mapping[str, Any]],
    output: Path,
    code: str,
    again: str,
) -> tuple[dict[str, Any], list[Row]]:
    """Return a result and a row per sample.

    Args:
        settings: see `request.result_job`.
        inputs: the rows of every model.
        domains: of the partition.
        output: of the result, for messages.
        code: digest of the code.
        again: file that says what makes the result again.

    Raises:
        UserError: more samples failed than allowed, or the router needs what the scores don't have.

    """
    total = len(inputs.rows[BASE])
    failed = inputs.failed
    key = "separation.max_failed_share allows"
    envelope.check_budget(failed, total, settings["max_failed_share"], str(output), what="samples", key=key)
    chosen = choose(settings["router"], settings["unsure_above"], inputs)
    usable = [inputs.rows[BASE][number] for number in inputs.usable]
    samples = Samples(
        [row["label"] for row in usable],
        [row["source"] for row in usable],
        inputs.described["aggregation"],
        settings["resamples"],
        settings["seed"],
    )
    base = [BASE] * len(chosen)
    best = inputs.values(choose("oracle", 0.0, inputs), "sdri")
    sdri = inputs.values(chosen, "sdri")
    content = {
        "schema": "earmark/separation/1",
        "labels": settings["labels"],
        "asked": settings["asked"],
        "upper_bound": settings["router"] == "oracle",
        "remarks": [inputs.described["note"], *([UPPER_BOUND] if settings["router"] == "oracle" else [])],
        "aggregation": inputs.described["aggregation"],
        "domains": list(domains),
        "counts": {"total": total, "scored": len(chosen), "failed": len(failed)},
        "headline": "sdri",
        "metrics": {name: samples.metric(inputs.values(chosen, name)) for name in METRICS},
        "per_class": samples.per_class(sdri),
        "to_base": {
            name: samples.difference(inputs.values(chosen, name), inputs.values(base, name))
            for name in ("sdri", "si_sdri")
        }
        if settings["router"] != BASE
        else {},
        "regret": samples.metric(best - sdri),
        "usage": {model: Counter(chosen)[model] for model in inputs.rows},
        "failures": envelope.failures(failed),
        "provenance": provenance.repeatable(provenance.record(code) | {"config": dict(settings)}, again),
    }
    rows = [
        {key: row[key] for key in ("sample", "query", "label", "source", "shares")}
        | {
            "model": model,
            **{key: inputs.rows[model][number].get(key) for key in ("status", "likeness", *METRICS)},
        }
        for number, model, row in zip(inputs.usable, chosen, usable, strict=True)
    ]
    return envelope.checked(content, "separation"), rows


def choose(router: str, unsure_above: float, inputs: Inputs) -> list[str]:
    """Return the model that a router takes for each usable sample; raises UserError without what it needs."""
    module = importlib.import_module(f"earmark.systems.separation.routing.{router}")
    options = Options(inputs.domains, unsure_above)
    found = []
    for number in inputs.usable:
        rows = {model: each[number] for model, each in inputs.rows.items()}
        likeness = {model: row["likeness"] for model, row in rows.items()}
        if router == "score" and None in likeness.values():
            raise UserError("router score: these scores say nothing of how estimates sound; delete them")
        sdri = {model: row["sdri"] for model, row in rows.items()}
        found.append(module.choose(Sample(tuple(rows[BASE]["shares"]), likeness, sdri), options))
    return found
