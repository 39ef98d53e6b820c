"""What a router's choices amount to on a set: a table operation over the scores of every model."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.given import given
from earmark.core.jsonl import read_jsonl
from earmark.core.records import OK
from earmark.scoring import record as envelope
from earmark.scoring.record import Failure
from earmark.systems.separation.aggregate import Samples, Values
from earmark.systems.separation.asked import BASE, Result
from earmark.systems.separation.jobs.partitioned import Partitioned
from earmark.systems.separation.partition import Domain
from earmark.systems.separation.query.table import Table, spoken
from earmark.systems.separation.routing.contract import Options, Sample, shares
from earmark.systems.separation.row import Row
from earmark.systems.separation.scores import Scores
from earmark.systems.separation.sets.tables import Aggregation

Metric = Literal["sdri", "si_sdri", "sdr", "si_sdr", "mixture_sdr"]
METRICS: tuple[Metric, ...] = get_args(Metric)
COMPARED: tuple[Metric, ...] = ("sdri", "si_sdri")
UPPER_BOUND = "an upper bound: the best model of each sample, chosen with its source in hand"


@dataclass(frozen=True)
class Inputs:
    """The rows of every model on a set: of the base, of every domain, and of their merge if asked."""

    rows: Mapping[str, list[Row]]
    aggregation: Aggregation
    note: str
    """What a reader of the set's numbers has to know."""

    domains: tuple[Domain, ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()
    """Of each sample, the probability of each domain by its query alone."""

    @classmethod
    def read(
        cls, paths: Sequence[Path], partition: Path | None, texts: Sequence[Path], temperature: float
    ) -> Inputs:
        """Read what routers choose among and by.

        Args:
            paths: records of scores, named like their models; the rows lie beside them.
            partition: of the classes; None where there are no domains.
            texts: tables of the vectors of queries and classes.
            temperature: of the domains' probabilities.

        Raises:
            UserError: a file can't be read, or the rows are not of the same samples.

        """
        rows = {path.stem: list(map(Row.read, read_jsonl(path.with_suffix(".jsonl")))) for path in paths}
        names = {tuple(row.sample for row in each) for each in rows.values()}
        if len(names) != 1:
            raise UserError(f"{', '.join(map(str, paths))} are of different samples; delete them")
        described = given(str(paths[0]))
        made = cls(rows, described["aggregation"], described["note"])
        if partition is None:
            return replace(made, shares=((),) * len(made.rows[BASE]))
        found, table = Partitioned.read(partition), Table.joined(texts)
        queries = table.of([row.query for row in made.rows[BASE]])
        classes = table.of([spoken(name) for name in found.classes])
        probable = shares(queries, classes, found.domain_of, len(found.domains), temperature)
        rounded = tuple(tuple(round(float(share), 6) for share in row) for row in probable)
        return replace(made, domains=found.domains, shares=rounded)

    @cached_property
    def usable(self) -> list[int]:
        """The numbers of the samples that every model has a score of."""
        columns = zip(*self.rows.values(), strict=True)
        return [number for number, row in enumerate(columns) if all(each.status == OK for each in row)]

    @property
    def failed(self) -> list[Failure]:
        """What some model has no score of, with the first reason."""
        found = []
        for row in zip(*self.rows.values(), strict=True):
            bad = next((each for each in row if each.status != OK), None)
            if bad is not None:
                found.append(Failure(bad.sample, str(bad.reason)))
        return found

    def scores(self, model: str, number: int) -> Scores:
        """Return a model's scores of a usable sample."""
        found = self.rows[model][number].scores
        assert found is not None, "usable samples have scores"
        return found

    def values(self, chosen: Sequence[str], name: Metric) -> Values:
        """Return a score of the chosen model of each usable sample."""
        pairs = zip(self.usable, chosen, strict=True)
        return np.array([getattr(self.scores(model, number), name) for number, model in pairs], np.float64)


def record(
    settings: Result,
    inputs: Inputs,
    output: Path,
    code: str,
    again: str,
) -> tuple[Json, list[Json]]:
    """Return a result and a row per sample.

    Args:
        settings: the router, and what was asked.
        inputs: the rows of every model, and the domains.
        output: of the result, for messages.
        code: digest of the code.
        again: file that says what makes the result again.

    Raises:
        UserError: more samples failed than allowed, or the router needs what the scores don't have.

    """
    total = len(inputs.rows[BASE])
    failed = inputs.failed
    key = "separation.max_failed_share allows"
    envelope.check_budget(failed, total, settings.max_failed_share, str(output), what="samples", key=key)
    chosen = choose(settings.router, settings.unsure_above, inputs)
    usable = [inputs.rows[BASE][number] for number in inputs.usable]
    samples = Samples(
        [row.label for row in usable],
        [row.source for row in usable],
        inputs.aggregation,
        settings.resamples,
        settings.seed,
    )
    base = [BASE] * len(chosen)
    best = inputs.values(choose("oracle", 0.0, inputs), "sdri")
    sdri = inputs.values(chosen, "sdri")
    content = {
        "schema": "earmark/separation/1",
        "labels": settings.labels,
        "asked": settings.asked.plain(),
        "upper_bound": settings.router == "oracle",
        "remarks": [inputs.note, *([UPPER_BOUND] if settings.router == "oracle" else [])],
        "aggregation": inputs.aggregation,
        "domains": [{"name": each.name, "classes": list(each.classes)} for each in inputs.domains],
        "counts": {"total": total, "scored": len(chosen), "failed": len(failed)},
        "headline": "sdri",
        "metrics": {name: samples.metric(inputs.values(chosen, name)) for name in METRICS},
        "per_class": samples.per_class(sdri),
        "to_base": {
            name: samples.difference(inputs.values(chosen, name), inputs.values(base, name))
            for name in COMPARED
        }
        if settings.router != BASE
        else {},
        "regret": samples.metric(best - sdri),
        "usage": {model: Counter(chosen)[model] for model in inputs.rows},
        "failures": envelope.failures(failed),
        "provenance": provenance.repeatable(provenance.record(code) | {"config": settings.plain()}, again),
    }
    rows: list[Json] = [
        {
            "sample": row.sample,
            "query": row.query,
            "label": row.label,
            "source": row.source,
            "shares": list(inputs.shares[number]),
            "model": model,
            "status": OK,
            "likeness": inputs.rows[model][number].likeness,
            **{name: getattr(inputs.scores(model, number), name) for name in METRICS},
        }
        for number, model, row in zip(inputs.usable, chosen, usable, strict=True)
    ]
    return envelope.checked(content, "separation"), rows


def choose(router: str, unsure_above: float, inputs: Inputs) -> list[str]:
    """Return the model that a router takes for each usable sample; raises UserError without what it needs."""
    module = importlib.import_module(f"earmark.systems.separation.routing.{router}")
    options = Options(tuple(each.name for each in inputs.domains), unsure_above)
    found = []
    for number in inputs.usable:
        rows = {model: each[number] for model, each in inputs.rows.items()}
        likeness = {model: row.likeness for model, row in rows.items() if row.likeness is not None}
        if router == "score" and len(likeness) < len(rows):
            raise UserError("router score: these scores say nothing of how estimates sound; delete them")
        sdri = {model: inputs.scores(model, number).sdri for model in rows}
        found.append(module.choose(Sample(inputs.shares[number], likeness, sdri), options))
    return found
